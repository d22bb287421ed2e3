"""Plain lines, for every CI system whose log knows nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from astro_ci.ci.dialects.base import Level
from astro_ci.ci.dialects.text import clean_line


class PlainDialect:
    """The dialect of a terminal; the others replace what their system does better."""

    has_annotations = False

    def __init__(self, out: TextIO) -> None:
        self._out = out

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
        """See Dialect: here, `error: title: message (file:line)`."""
        place = f"{file}:{line}" if file and line else file
        text = ": ".join(part for part in (level, title, message) if part)
        self._say(f"{text} ({place})" if place else text)

    def set_output(self, name: str, value: str) -> None:
        """See Dialect: not possible here."""

    def write_summary(self, markdown: str) -> None:
        """See Dialect: there is no summary here, and the log says it all."""

    def _say(self, text: str) -> None:
        """Write text that may be untrusted."""
        self._put(self.safe_line(text))

    def _put(self, line: str) -> None:
        """Write a line as it is, as far as the stream's encoding goes."""
        encoding = self._out.encoding or "utf-8"
        self._out.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        # Commands and the lines of child processes must come out in order.
        self._out.flush()
