"""How the files are read: freely in a process of its own, with care in the one that deploys."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager

from astro_ci.checks.static.harmless import (
    MOST_BYTES,
    has_short_lines,
    is_harmless,
    is_harmless_ignore_file,
)
from astro_ci.checks.static.limits import MATCH_SECONDS, time_limit
from astro_ci.checks.static.request import Problem
from astro_ci.checks.static.source import read_source

MOST_FILES = 200
MOST_BYTES_TOGETHER = 1 << 20
"""For more, a process of its own is quicker: it uses every core."""

Content = bytes | Problem | None


class NotHarmlessError(Exception):
    """A file may only be looked at in a process of its own."""


class Reading:
    """Reads whatever there is. For a process whose end harms nobody."""

    def python(self, path: str) -> Content:
        """Read a file that will be compiled. As `read_source`."""
        return read_source(path)

    def ignore_file(self, path: str) -> Content:
        """Read an `.airflowignore`, whose patterns will be matched."""
        return read_source(path)

    def text(self, path: str) -> Content:
        """Read another file, whose lines will be looked at one by one."""
        return read_source(path)

    def expect(self, files: int) -> None:
        """Hear how many Python files there are."""

    def unpack(self) -> None:
        """Hear that a zip file will be opened."""

    def match_limit(self) -> AbstractContextManager[None]:
        """Limit the time for one match of a pattern. Raises TooSlowError within."""
        return time_limit(MATCH_SECONDS)


class CarefulReading(Reading):
    """Reads what is harmless, and raises NotHarmlessError at anything else."""

    def __init__(self) -> None:
        self._known: dict[str, Content] = {}
        self._bytes = 0

    def python(self, path: str) -> Content:
        """Read a file once, and scan it before anybody compiles it."""
        if path not in self._known:
            data = self._known[path] = self._read(path)
            if isinstance(data, bytes) and not is_harmless(data):
                raise NotHarmlessError(path)
        return self._known[path]

    def ignore_file(self, path: str) -> Content:
        """Read patterns that take little time."""
        data = self._read(path)
        if isinstance(data, bytes) and not is_harmless_ignore_file(data):
            raise NotHarmlessError(path)
        return data

    def text(self, path: str) -> Content:
        """Read a file with short lines."""
        data = self._read(path)
        if isinstance(data, bytes) and not has_short_lines(data):
            raise NotHarmlessError(path)
        return data

    def expect(self, files: int) -> None:
        """Leave many files to the process that shares them out."""
        if files > MOST_FILES:
            raise NotHarmlessError

    def unpack(self) -> None:
        """Leave zip files alone: a small one may hold anything."""
        raise NotHarmlessError

    def match_limit(self) -> AbstractContextManager[None]:
        """Need no limit: the patterns are harmless, and signals are not for threads."""
        return contextlib.nullcontext()

    def _read(self, path: str) -> Content:
        data = read_source(path, limit=MOST_BYTES)
        self._bytes += len(data) if isinstance(data, bytes) else 0
        is_too_large = isinstance(data, Problem) and data.rule == "dag-too-large"
        if is_too_large or self._bytes > MOST_BYTES_TOGETHER:
            raise NotHarmlessError(path)
        return data
