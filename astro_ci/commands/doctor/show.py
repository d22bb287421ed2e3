"""The examination as lines for people and as one document. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from astro_ci.commands.doctor.check import Check
from astro_ci.render import SCHEMA
from astro_ci.text import printable, sentence

_STATUS_WIDTH = len("not checked")
_NAME_WIDTH = 15


def lines(checks: Iterable[Check]) -> Iterator[str]:
    """A line for each check as it comes, its remedy below it, under the heading of its group."""
    heading, seen = "", []
    for check in checks:
        title = ": ".join(filter(None, (check.group, printable(check.target))))
        if title != heading:
            yield from ("", title) if heading else (title,)
            heading = title
        seen.append(check)
        yield f"  {check.status:{_STATUS_WIDTH}}  {check.name:{_NAME_WIDTH}}  {_one_line(check)}"
        if check.remedy:
            margin = " " * (_STATUS_WIDTH + _NAME_WIDTH + 6)
            yield f"{margin}-> {sentence(printable(' '.join(check.remedy.split())))}"
    yield ""
    yield summary(seen)


def summary(checks: Sequence[Check]) -> str:
    """How it went, in one sentence."""
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
    """The document of `doctor --json`."""
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


def _one_line(check: Check) -> str:
    return printable(" ".join(check.message.split()))
