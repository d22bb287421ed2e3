"""Text on a terminal, where some characters take two cells and some take none. Pure."""

from __future__ import annotations

import unicodedata


def cell_width(text: str) -> int:
    """How many cells a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def padded(text: str, cells: int) -> str:
    """Fill a text up to so many cells."""
    return text + " " * max(0, cells - cell_width(text))


def fitted(text: str, cells: int) -> str:
    """Cut a text to so many cells, with an ellipsis where something is missing."""
    if cell_width(text) <= cells:
        return text
    kept, room = "", cells - 1
    for character in text:
        room -= cell_width(character)
        if room < 0:
            break
        kept += character
    return f"{kept.rstrip()}…" if cells > 1 else ""
