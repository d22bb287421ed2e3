"""Azure Pipelines' logging commands.

Source: learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands; the agent's Command.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from astro_ci.ci.dialects.base import Annotation
from astro_ci.ci.dialects.files import append
from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.text import clean, clean_line, mask_lines, on_one_line, titled
from astro_ci.text import Regex

_COMMAND = Regex(r"##(?=(?:vso)?\[)", re.IGNORECASE)


class AzureDialect(PlainDialect):
    """Logging commands on the stream; the summary is a file that the agent uploads."""

    has_annotations = True

    def __init__(self, out: TextIO, env: Mapping[str, str]) -> None:
        super().__init__(out)
        self._temporary_directory = env.get("AGENT_TEMPDIRECTORY", "")

    def safe_line(self, text: str) -> str:
        """See Dialect: the agent obeys `##vso[` wherever it stands, and its viewer `##[`."""
        return _COMMAND.sub("# #", clean_line(text))

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """See Dialect: an inner group is a heading, since groups do not nest."""
        with self._flat_group(title, f"##[group]{self.safe_line(title)}", "##[endgroup]"):
            yield

    def mask(self, secret: str) -> None:
        """See Dialect."""
        for line in mask_lines(secret):
            self._command("task.setsecret", line)

    def _annotate(self, one: Annotation) -> None:
        """See Dialect: a notice is a plain line, since there are only warnings and errors."""
        if one.level == "notice":
            super()._annotate(one)
            return
        properties: dict[str, str] = {"type": one.level}
        if one.file:
            properties["sourcepath"] = clean_line(one.file)
        if one.line:
            properties["linenumber"] = str(one.line)
        self._command("task.logissue", clean(titled(one.title, one.message)), properties)

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: read as `$(step.deploy-id)`, or from other jobs through `outputs`."""
        self._command("task.setvariable", value, {"variable": name, "isOutput": "true"})

    def write_summary(self, markdown: str) -> None:
        """See Dialect: written where the agent cleans up, since it uploads the file later."""
        if not self._temporary_directory:
            return
        path = Path(self._temporary_directory) / f"astro-ci-summary-{secrets.token_hex(8)}.md"
        append(path, markdown)
        self._command("task.uploadsummary", str(path))

    def _command(self, name: str, data: str, properties: Mapping[str, str] | None = None) -> None:
        listed = "".join(f"{key}={_property(value)};" for key, value in (properties or {}).items())
        self._put(
            f"##vso[{name} {listed}]{_data(data)}" if listed else f"##vso[{name}]{_data(data)}"
        )


def _data(text: str) -> str:
    return on_one_line(text, "%AZP25")


def _property(text: str) -> str:
    return _data(text).replace("]", "%5D").replace(";", "%3B")
