"""The interface of the dialects of CI logs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Literal, NamedTuple, Protocol

Level = Literal["notice", "warning", "error"]


class Annotation(NamedTuple):
    """A message, and the place in the repository that it is about."""

    level: Level
    message: str
    title: str | None
    file: str | None
    line: int | None


class Dialect(Protocol):
    """How to speak to one CI system's log. No method raises for what its text holds."""

    has_annotations: bool
    """Whether `annotate` shows a message elsewhere than in the log."""
    keeps_results: bool
    """Whether `set_output` or `write_summary` does anything."""

    def safe_line(self, text: str) -> str:
        """Turn untrusted text into one line that the CI system shows and never obeys.

        For whole lines: two safe pieces joined are not safe.
        """
        ...

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is written inside, where the system can."""
        ...

    def mask(self, secret: str) -> None:
        """Ask the system to hide the secret in everything that follows.

        Where it can, this writes the secret to the stream, for the runner to swallow: only for
        a stream that the runner reads.
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
        """Show a message where people look first; `file` is relative to the repository's root."""
        ...

    def set_output(self, name: str, value: str) -> None:
        """Pass a value to later steps or jobs, where the system can. `name` is kebab-case."""
        ...

    def write_summary(self, markdown: str) -> None:
        """Add to the run's summary page, where the system has one. The caller escapes Markdown."""
        ...
