"""Show the checks as lines for people, or as one document. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from astro_ci.doctor.check import Check
from astro_ci.reporting.cells import wrapped
from astro_ci.reporting.documents import SCHEMA
from astro_ci.text import printable, sentence

_STATUS_WIDTH = len("not checked")
_NAME_WIDTH = 15
_BESIDE = 76
"""The width from which on checks and what they found stand beside each other."""
_BELOW = 15


def lines(checks: Iterable[Check], *, columns: int | None = None) -> Iterator[str]:
    """A line for each check as it comes, its remedy below it, under the heading of its group.

    Those that are not checked for the same reason share a line. `columns` is the terminal's width;
    None where there is none.
    """
    heading, seen = "", list[Check]()
    for check, *others in _by_line(checks):
        seen += (check, *others)
        title = ": ".join(filter(None, (check.group, printable(check.target))))
        if title != heading:
            yield from ("", title) if heading else (title,)
            heading = title
        message = printable(" ".join(check.message.split()))
        if others:
            message += f"; the same for {', '.join(other.name for other in others)}"
        start = f"  {check.status:{_STATUS_WIDTH}}  {check.name:{_NAME_WIDTH}}  "
        yield from _beside(start, message, columns)
        if check.remedy:
            remedy = sentence(printable(" ".join(check.remedy.split())))
            yield from _beside(f"{'':{len(start)}}-> ", remedy, columns)
    yield ""
    yield summary(seen)


def _beside(start: str, text: str, columns: int | None) -> Iterator[str]:
    """Write a text beside its title, or below it on a narrow terminal."""
    if columns is not None and columns < _BESIDE:
        arrow = "-> " if start.endswith("-> ") else ""
        if not arrow:
            yield start.rstrip()
        first, *others = wrapped(f"{arrow}{text}", columns, indent=_BELOW)
    else:
        first, *others = wrapped(text, columns, indent=len(start))
        first = start + first[len(start) :]
    yield from (first, *others)


def _by_line(checks: Iterable[Check]) -> Iterator[list[Check]]:
    """The checks of each line, as soon as it is clear that there are no more of them."""
    waiting: list[Check] = []
    for check in checks:
        if waiting and _place(waiting[0]) != _place(check):
            yield waiting
            waiting = []
        if check.status == "not checked":
            waiting.append(check)
        else:
            yield [check]
    if waiting:
        yield waiting


def _place(check: Check) -> tuple[str, ...]:
    return (check.group, check.target, check.status, check.message)


def summary(checks: Sequence[Check]) -> str:
    """Summarise the checks in one sentence."""
    counts = Counter(check.status for check in checks)
    shown = [
        f"{counts[status]} {status}{'s' if counts[status] > 1 else ''}"
        for status in ("problem", "warning")
        if counts[status]
    ]
    if counts["not checked"]:
        shown.append(f"{counts['not checked']} not checked")
    return f"{', '.join(shown)}." if shown else "Everything is ready for a deploy."


def document(checks: Sequence[Check]) -> dict[str, Any]:
    """Make the document of `doctor --json`."""
    return {
        "schema": SCHEMA,
        "checks": [
            {
                "group": check.group,
                "target": check.target,
                "name": check.name,
                "status": check.status,
                "message": check.message,
                "remedy": sentence(check.remedy),
            }
            for check in checks
        ],
    }
