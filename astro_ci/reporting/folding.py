"""Break long sentences between words on a terminal, which would break inside of words. Pure.

Only sentences are broken: a command or a table has to stay on its line.
"""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.reporting.cells import cell_width, wrapped
from astro_ci.text import Regex

_SENTENCE = Regex(r"( *)(?:(?:error|warning|hint|notice|note|not checked): |✓ )")
_HANGING = 2


def folded(lines: Sequence[str], columns: int | None) -> list[str]:
    """Break sentences that are wider than the terminal; `columns` is None without a terminal."""
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
