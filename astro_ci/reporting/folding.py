"""Fold long sentences between words on a terminal, which itself would cut words in two. Pure.

Only sentences are folded: a command or a table has to stay on its line.
"""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.reporting.cells import cell_width, wrapped
from astro_ci.text import Regex

_SENTENCE = Regex(r"( *)(?:(?:error|warning|hint|notice|note|not checked): |✓ )")
_HANGING = 2


def folded(lines: Sequence[str], columns: int | None) -> list[str]:
    """Fold the sentences that are wider than the terminal; `columns` is None without one."""
    if columns is None:
        return list(lines)
    return [part for line in lines for part in _fold(line, columns)]


def _fold(line: str, columns: int) -> list[str]:
    found = _SENTENCE.match(line)
    if found is None or cell_width(line) <= columns:
        return [line]
    indent = len(found[1])
    first, *others = wrapped(line[indent:], columns - _HANGING, indent=indent)
    return [first, *(f"{'':{_HANGING}}{other}" for other in others)]
