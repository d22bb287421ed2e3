"""The interface of the dialects of CI logs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, Protocol

from msgspec import Struct

Level = Literal["notice", "warning", "error"]


class Annotation(Struct, frozen=True):
    """A message, and its place in the repository."""

    level: Level
    message: str
    title: str | None
    file: str | None
    line: int | None


class Dialect(Protocol):
    """The commands for a CI system's log. No method raises because of the contents of a text."""

    has_annotations: bool
    """Whether `annotate` also shows a message outside of the log."""
    keeps_results: bool
    """Whether `set_output` or `write_summary` has an effect."""

    def safe_line(self, text: str) -> str:
        """Convert untrusted text to a line that the CI system shows and never runs as a command.

        The text has to be a whole line, because two joined safe texts may be unsafe.
        """
        ...

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold the lines of the block, if the system can."""
        ...

    def mask(self, secret: str) -> None:
        """Ask the system to hide the secret in all later output.

        If the system can, this writes the secret to the stream in a command, which the runner
        removes. So the stream must be one that the runner reads.
        """
        ...

    def annotate(
        self,
        level: Level,
        message: str,
        *,
        title: str | None = None,
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        """Show a message at a prominent place; `file` is relative to the repository's root."""
        ...

    def set_output(self, name: str, value: str) -> None:
        """Pass a value to later steps or jobs, if the system can. `name` is kebab-case."""
        ...

    def write_summary(self, markdown: str) -> None:
        """Add text to the run's summary page, if there is one. The caller escapes Markdown."""
        ...
