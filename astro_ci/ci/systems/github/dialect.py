"""GitHub Actions' workflow commands, which Gitea and Forgejo read too.

Source: docs.github.com "Workflow commands"; the runner's ActionCommand and FileCommandManager.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from astro_ci.ci.dialects.base import Annotation
from astro_ci.ci.dialects.files import append, size, truncated
from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.text import clean, clean_line, mask_lines, on_one_line
from astro_ci.text import Regex

# A step whose summary is larger than this loses all of it.
SUMMARY_LIMIT_BYTES = 1024 * 1024
_TRUNCATED = "\n\n*Truncated: GitHub limits a step's summary to 1 MiB.*\n"

_LEADING_COMMAND = Regex(r"^(\s*):(?=:)")
_OUTPUT_NAME = Regex(r"[A-Za-z_][A-Za-z0-9_-]*")


class GitHubDialect(PlainDialect):
    """Workflow commands on the stream, outputs and summary in the files that the runner names."""

    has_annotations = True

    def __init__(self, out: TextIO, env: Mapping[str, str]) -> None:
        super().__init__(out)
        self._output_file = env.get("GITHUB_OUTPUT", "")
        self._summary_file = env.get("GITHUB_STEP_SUMMARY", "")

    def safe_line(self, text: str) -> str:
        """See Dialect: the runner obeys a leading `::`, and the old `##[` wherever it stands."""
        line = clean_line(text).replace("##[", "# #[")
        return _LEADING_COMMAND.sub(r"\1: ", line)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """See Dialect: an inner group is a heading, since a second `::group::` ends the first."""
        with self._flat_group(title, _command("group", clean_line(title)), _command("endgroup")):
            yield

    def mask(self, secret: str) -> None:
        """See Dialect."""
        for line in mask_lines(secret):
            self._put(_command("add-mask", line))

    def _annotate(self, one: Annotation) -> None:
        """See Dialect: a message may have several lines."""
        line = str(one.line) if one.line else None
        given = {"file": one.file, "line": line, "title": one.title}
        properties = {name: clean_line(value) for name, value in given.items() if value}
        self._put(_command(one.level, clean(one.message), properties))

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: the value keeps its line breaks."""
        if not _OUTPUT_NAME.fullmatch(name):
            raise ValueError(f"not an output name: {name!r}")
        if not self._output_file:
            return
        # Nobody can end the value early without knowing this.
        delimiter = f"astro_ci_{secrets.token_hex(16)}"
        append(Path(self._output_file), f"{name}<<{delimiter}\n{value}\n{delimiter}\n")

    def write_summary(self, markdown: str) -> None:
        """See Dialect: cut short before GitHub would throw it away whole."""
        if not self._summary_file:
            return
        path = Path(self._summary_file)
        room = SUMMARY_LIMIT_BYTES - size(path)
        append(path, truncated(markdown.rstrip("\n") + "\n", room, _TRUNCATED))


def _command(name: str, data: str = "", properties: Mapping[str, str] | None = None) -> str:
    listed = ",".join(f"{key}={_property(value)}" for key, value in (properties or {}).items())
    return f"::{name} {listed}::{_data(data)}" if listed else f"::{name}::{_data(data)}"


def _data(text: str) -> str:
    return on_one_line(text, "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
