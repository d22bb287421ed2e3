"""The file of a saved plan: written by `plan --out`, read by `deploy --plan`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from astro_ci import __version__
from astro_ci.errors import SPACE_HINT, CommandError, ConfigurationError
from astro_ci.planning.read_saved import read_saved_plans
from astro_ci.planning.saved import SavedPlans
from astro_ci.project.files import read_named_text, remedy
from astro_ci.reporting.documents import as_json, plans_document
from astro_ci.reporting.target_result import TargetResult
from astro_ci.text import excerpt, printable

_MOST_BYTES = 64_000_000
"""The size limit; a plan with a hundred thousand changes has a quarter of this size."""
_MISSING = (
    "Write it with `astro-ci plan --out FILE`, and hand it to this job as an artifact. A plan that "
    "fails writes no file."
)


def read_plan_file(path: Path) -> SavedPlans:
    """Read a saved plan, which is untrusted. Raises ConfigurationError."""
    shown = excerpt(str(path))
    try:
        text = read_named_text(path, most_bytes=_MOST_BYTES)
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        raise ConfigurationError(
            f"the plan file {shown} cannot be read: {error.strerror or error}",
            hint=_MISSING if is_missing else remedy(error),
        ) from error
    return read_saved_plans(text.encode(), shown, __version__)


def write_plan_file(
    path: Path, results: Sequence[TargetResult], reason: str, redact: Callable[[str], str]
) -> None:
    """Write the plans, unless there is no plan, or a plan failed. Raises CommandError."""
    if not results or any(result.error for result in results):
        return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(f"{redact(as_json(plans_document(results, reason)))}\n", "utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise CommandError(
            f"the plan could not be written to {printable(str(path))}: {error.strerror}",
            hint=SPACE_HINT,
        ) from error
