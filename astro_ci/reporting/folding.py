"""Break long sentences between words on a terminal, which would break inside of words. Pure.

Only sentences are broken: a command or a table has to stay on its line.
"""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.reporting.cells import cell_width, wrapped
from astro_ci.text import Regex

_START = r"( *)(?:(?:error|warning|hint|notice|note|not checked): |✓ )"
_SENTENCE = Regex(_START)
_MESSAGE = Regex(rf"{_START}|()(?!Next: )\S+ ")
_HANGING = 2


def folded(lines: Sequence[str], columns: int | None, *, are_messages: bool = False) -> list[str]:
    """Break sentences that are wider than the terminal; `columns` is None without a terminal.

    With `are_messages`, a line that is not indented is a sentence, but for a command to run next.
    """
    if columns is None:
        return list(lines)
    sentence = _MESSAGE if are_messages else _SENTENCE
    return [part for line in lines for part in _fold(line, columns, sentence)]


def _fold(line: str, columns: int, sentence: Regex) -> list[str]:
    if cell_width(line) <= columns or not (found := sentence.match(line)):
        return [line]
    indent = len(found[1] or "")
    first, *others = wrapped(line[indent:], columns - _HANGING, indent=indent)
    return [first, *(f"{'':{_HANGING}}{other}" for other in others)]
