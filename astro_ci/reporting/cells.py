"""Text on a terminal, in which some characters use two cells and some use none. Pure."""

from __future__ import annotations

import unicodedata

_BELOW = 4
"""The indentation of a value below its label."""


def cell_width(text: str) -> int:
    """Return the number of cells of a text."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def padded(text: str, cells: int) -> str:
    """Fill a text with blanks up to a number of cells."""
    return text + " " * max(0, cells - cell_width(text))


def fitted(text: str, cells: int) -> str:
    """Cut a text to a number of cells, with an ellipsis if it is cut."""
    if cell_width(text) <= cells:
        return text
    kept, room = "", cells - 1
    for character in text:
        room -= cell_width(character)
        if room < 0:
            break
        kept += character
    return f"{kept.rstrip()}…" if cells > 1 else ""


def wrapped(text: str, columns: int | None, *, indent: int) -> list[str]:
    """Break a text at its spaces into indented lines of `cells`; one line if `cells` is None."""
    room = (columns or 0) - indent
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if room > 0 and lines[-1] and cell_width(longer) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return [f"{'':{indent}}{line}" for line in lines]


def labelled(label: str, value: str, columns: int | None, *, margin: int) -> list[str]:
    """Put a value beside its label, broken at its spaces; `margin` is where values begin.

    A value without spaces, such as a link, comes below its label where it is too long for beside.
    """
    if columns and " " not in value and columns - margin < cell_width(value):
        indent = max(0, min(_BELOW, columns - cell_width(value)))
        return [*([label] if label.strip() else ()), f"{'':{indent}}{value}"]
    first, *others = wrapped(value, columns, indent=margin)
    return [f"{padded(label, margin)}{first[margin:]}".rstrip(), *(one.rstrip() for one in others)]


def sourced(label: str, value: str, source: str, columns: int | None, *, margin: int) -> list[str]:
    """Put a value and its source beside a label; the source is below, if the line is too long."""
    line = f"{padded(label, margin)}{value}  {source}"
    if columns is None or cell_width(line) <= columns:
        return [line]
    beside = labelled(label, value, columns, margin=margin)
    return [*beside, *labelled("", source, columns, margin=margin)]
