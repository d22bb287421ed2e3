"""Condense a build's log to its steps and their durations. Pure except for the clock.

Reads the plain progress of BuildKit, and the output of the classic builder.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from astro_ci.text import Regex, duration_text, shorten

_TITLE = Regex(r"#(\d+) (\[[^\]]*\d+/\d+\] .+|exporting to \S+|pushing .+)$")
_ENDED = Regex(r"#(\d+) (DONE|CACHED|ERROR)(?: ([\d.]+)s)?")
_NUMBER = Regex(r"\[([^\]]*?)(\d+)/(\d+)\] ")
_OUTPUT = Regex(r"#(\d+) [\d.]+ ")
_CLASSIC = Regex(r"Step (\d+/\d+) : (.+)")
_CACHED = " ---> Using cache"
_CLASSIC_END = "Successfully built "
_WIDTH = 9
_SILENCE_SECONDS = 30.0
"""The longest time without a line for a running step: some CI systems end silent jobs."""
_LONGEST = 160


class BuildSteps:
    """Gets each line of a build. `tell` gets a line for each step that has ended, and `begin` gets
    the title of each step that starts or is still running.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        begin: Callable[[str], None] = lambda title: None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tell = tell
        self._begin = begin
        self._now = now
        self._titles: dict[str, str] = {}
        self._current = ""
        self._classic: tuple[str, float] | None = None
        self._is_cached = False
        self._last = now()

    def __call__(self, line: str) -> None:
        """Read a line of the build's output."""
        if self._current and self._now() - self._last >= _SILENCE_SECONDS:
            self._say("...", self._current)
        if line.startswith("#"):
            self._read_buildkit(line)
        elif found := _CLASSIC.match(line):
            self._end_classic()
            self._current = f"[{found[1]}] {shorten(found[2], _LONGEST)}"
            self._classic = self._current, self._now()
            self._begin(self._current)
        elif line.startswith(_CACHED):
            self._is_cached = True
        elif line.startswith(_CLASSIC_END):
            self._end_classic()

    def _read_buildkit(self, line: str) -> None:
        if ended := _ENDED.match(line):
            self._end(*ended.groups())
        elif found := _TITLE.match(line):
            number, title = found.groups()
            self._titles[number] = shorten(_without_false_total(title), _LONGEST)
            self._show(number)
        elif found := _OUTPUT.match(line):
            self._show(found[1])

    def _show(self, number: str) -> None:
        title = self._titles.get(number, "")
        if title and title != self._current:
            self._current = title
            self._begin(title)

    def _end(self, number: str, how: str, seconds: str | None) -> None:
        """Report a step, unless it is an internal step of BuildKit."""
        title = self._titles.pop(number, None)
        if title is None:
            return
        took = duration_text(float(seconds)) if seconds else ""
        word = {"DONE": took, "CACHED": "cached", "ERROR": "failed"}[how]
        self._say(word, title)

    def _end_classic(self) -> None:
        if self._classic:
            title, started = self._classic
            took = duration_text(self._now() - started)
            self._say("cached" if self._is_cached else took, title)
        self._classic, self._is_cached = None, False

    def _say(self, word: str, title: str) -> None:
        self._last = self._now()
        self._tell(f"{word:>{_WIDTH}}  {title}")


def _without_false_total(title: str) -> str:
    """Remove the total of steps if BuildKit did not count the base image's ONBUILD steps."""
    found = _NUMBER.match(title)
    if found is None or int(found[2]) <= int(found[3]):
        return title
    return f"[{found[1]}{found[2]}] {title[found.end() :]}"
