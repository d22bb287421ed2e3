"""Write findings to files, for programs that read them after the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from astro_ci.errors import SPACE_HINT, CommandError
from astro_ci.finding import Checked
from astro_ci.reporting.checks.code_quality import code_quality
from astro_ci.reporting.checks.junit import junit
from astro_ci.reporting.checks.sarif import sarif
from astro_ci.text import printable

WRITERS: Mapping[str, Callable[[Sequence[Checked]], str]] = {
    "sarif": sarif,
    "junit_xml": junit,
    "code_quality": code_quality,
}
"""The formats, by the fields of the options that name the files."""


def write_reports(
    checks: Sequence[Checked], files: Mapping[str, Path | None], redact: Callable[[str], str]
) -> None:
    """Write the reports for which a file is named, even if nothing was checked.

    Raises CommandError when a file cannot be written.
    """
    # Several Deployments may have the same project, and then the same checks.
    distinct = list(dict.fromkeys(checks))
    for field, write in WRITERS.items():
        if path := files.get(field):
            _write(path, redact(write(distinct)))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"the report could not be written to {printable(str(path))}: {error.strerror}",
            hint=SPACE_HINT,
        ) from error
