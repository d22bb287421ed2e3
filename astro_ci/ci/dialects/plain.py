"""Plain lines, for CI systems without commands in the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from astro_ci.ci.dialects.base import Annotation, Level
from astro_ci.ci.dialects.text import clean_line, placed


class PlainDialect:
    """The dialect of a terminal; other dialects override the methods that their system supports."""

    has_annotations = False
    keeps_results = False

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._open_groups = 0

    def safe_line(self, text: str) -> str:
        """See Dialect: here, no terminal control."""
        return clean_line(text)

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """See Dialect: here, a heading."""
        self._say(title)
        yield

    def mask(self, secret: str) -> None:
        """See Dialect: not possible here."""

    def annotate(
        self,
        level: Level,
        message: str,
        *,
        title: str | None = None,
        file: str | None = None,
        line: int | None = None,
    ) -> None:
        """See Dialect."""
        self._annotate(Annotation(level, message, title, file, line))

    def _annotate(self, one: Annotation) -> None:
        """See Dialect: here, `error: title: message (file:line)`."""
        text = ": ".join(part for part in (one.level, one.title, one.message) if part)
        self._say(placed(text, one.file, one.line))

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: not possible here."""

    def write_summary(self, markdown: str) -> None:
        """See Dialect: there is no summary here, and the log has the same."""

    @contextmanager
    def _flat_group(self, title: str, start: str, end: str) -> Iterator[None]:
        """Write the marks of a group if groups do not nest: an inner group is a heading."""
        if self._open_groups:
            self._say(title)
        else:
            self._put(start)
        self._open_groups += 1
        try:
            yield
        finally:
            self._open_groups -= 1
            if not self._open_groups:
                self._put(end)

    def _say(self, text: str) -> None:
        """Write text that may be untrusted."""
        self._put(self.safe_line(text))

    def _put(self, line: str) -> None:
        """Write a line as it is, as far as the stream's encoding goes."""
        encoding = self._out.encoding or "utf-8"
        self._out.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        # Commands and the lines of child processes must be in order.
        self._out.flush()
