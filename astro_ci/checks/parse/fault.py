"""Read from a traceback's text the exception, and the project's line that raised it. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from astro_ci.checks.runners.job import PACKAGE
from astro_ci.text import Regex

_FRAME = Regex(r'\s*(?:\|\s*)*File "(?P<path>.+?)", line (?P<line>\d+)')
_ENDING = Regex(r"(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?")
_OURS = f"/{PACKAGE}/"
_MOST_LINES = 40
_MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An exception, as read from its traceback."""

    kind: str
    """The exception's class, without its module; empty when the text names no class."""
    message: str
    """The first line of the exception's message."""
    path: str | None
    """The file of the last frame within the project; None when no frame is in the project."""
    line: int | None
    detail: str
    """The traceback, from its first frame within the project."""

    @property
    def summary(self) -> str:
        """The exception in one line."""
        return ": ".join(part for part in (self.kind, self.message) if part)


def read_fault(text: str, is_project: Callable[[str], bool]) -> Fault:
    """Read a traceback with the newest frame last, or a text `Type: message`."""
    lines = text.rstrip().splitlines()
    frames = [(number, match) for number, line in enumerate(lines) if (match := _FRAME.match(line))]
    ours = [(number, match) for number, match in frames if is_project(match["path"])]
    after = frames[-1][0] + 1 if frames else 0
    ending = next(
        (
            match
            for line in lines[after:]
            if (match := _ENDING.fullmatch(line.lstrip("| "))) and not line.startswith(" ")
        ),
        None,
    )
    last = ours[-1][1] if ours else None
    return Fault(
        kind=ending["kind"].rpartition(".")[2] if ending else "",
        message=(ending["message"] or "") if ending else (lines[-1] if lines else ""),
        path=last["path"] if last else None,
        line=int(last["line"]) if last else None,
        detail=_trim([*_without_stand_ins(lines[ours[0][0] :] if ours else lines)]),
    )


def read_stack(text: str, is_project: Callable[[str], bool]) -> tuple[str, int] | None:
    """Find the project's newest frame in a dump of faulthandler, which lists newest frames first.

    faulthandler writes the main thread after all other threads.
    """
    last = re.split(r"^(?:Current thread|Thread) ", text, flags=re.MULTILINE)[-1]
    for line in last.splitlines():
        match = _FRAME.match(line)
        if match and is_project(match["path"]):
            return match["path"], int(match["line"])
    return None


def _without_stand_ins(lines: list[str]) -> Iterator[str]:
    """Leave out the frames of astro-ci's stand-ins, which do not belong to the project."""
    is_ours = False
    for line in lines:
        if match := _FRAME.match(line):
            is_ours = _OURS in match["path"]
        elif not line.startswith("    "):
            is_ours = False
        if not is_ours:
            yield line


def _trim(lines: list[str]) -> str:
    """Keep the end of a long text, which names the cause."""
    text = "\n".join(lines[-_MOST_LINES:])
    return text if len(text) <= _MOST_CHARACTERS else f"…{text[-_MOST_CHARACTERS:]}"
