"""Read one pattern of `.dockerignore` as the engine does. Pure.

The engine turns each pattern into a Go regular expression, which explains some oddities:
`[*]` is not a literal star, `^` is not escaped, `\\d` is a digit. This module makes the same
Go expression (as `patternmatcher` does), and from it the items of an automaton.

Source: https://github.com/moby/patternmatcher, as BuildKit's client walks a context with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Literal

from msgspec import Struct

from astro_ci.project.automaton import (
    ANY_DIRECTORIES,
    ANYTHING,
    AT_END,
    AT_START,
    MOVE,
    NO_WORD_EDGE,
    SKIP,
    STAY,
    WITHIN_A_NAME,
    WORD_EDGE,
    Characters,
    Item,
    letters,
)

WILD = frozenset("*[]?^\\")
# Characters with a meaning in the engine's regular expression.
_PECULIAR = frozenset("[\\{|^")
# The syntax of Go's filepath.Match, by which the engine first checks each pattern.
_CLASS_CHARACTER = r"(?:\\.|[^\]\\-])"
_VALID = rf"(?s:\[\^?+(?:{_CLASS_CHARACTER}(?:-{_CLASS_CHARACTER})?)+\]|\\.|[^\[\\])*"
# The engine is meant to escape {, | and } too, but its table ends before these characters.
_ESCAPED_IN_GO = frozenset(".+()$")
_REPETITION = r"\{(0|[1-9]\d{0,3})(?:(,)(0|[1-9]\d{0,3})?)?\}"
_ANY_REPETITION = r"\{(?:0|[1-9][0-9]*)(?:,(?:0|[1-9][0-9]*)?)?\}"
_MOST_REPETITIONS = 1000  # the limit of Go
_MOST_ITEMS = 20_000
_LAST = 0x10FFFF
_CLASSES = {
    "d": ((48, 57),),
    "s": ((9, 10), (12, 13), (32, 32)),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
}
_GO_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CONDITIONS = {"A": AT_START, "b": WORD_EDGE, "B": NO_WORD_EDGE, "z": AT_END}
_WITHIN_A_LINE = Item(STAY | SKIP, Characters(((10, 10),), are_excluded=True))
_ONE_OF_A_NAME = Item(MOVE, WITHIN_A_NAME.takes)
_Ranges = tuple[tuple[int, int], ...]


class BadPatternError(ValueError):
    """The engine refuses this pattern, or this module does not know the pattern's meaning."""


class Shape(Struct, frozen=True):
    """The paths that a pattern matches. Most patterns need no automaton."""

    kind: Literal["path", "below", "named", "wild"]
    """Matches: only this path; all paths below it; all paths that end in it; or `sequences`."""
    text: str = ""
    sequences: Sequence[Sequence[Item]] = ()

    def within(self, directory: str) -> Shape:
        """Return the shape for paths below a directory, whose name is literal."""
        start = f"{directory}/"
        if self.kind in ("path", "below"):
            return Shape(self.kind, f"{start}{self.text}")
        sequences = self.sequences
        if self.kind == "named":
            sequences = ((ANYTHING, *letters(f"/{self.text}")), tuple(letters(self.text)))
        return Shape("wild", sequences=[(*letters(start), *one) for one in sequences])


def shape_of(cleaned: str) -> Shape:
    """Read a cleaned pattern. Raises BadPatternError.

    The engine compares three simple shapes as plain text: `**` and a literal (`**foo` also matches
    `barfoo`), a literal and `**`, and a literal.
    """
    if is_literal(cleaned):
        return Shape("path", cleaned)
    if not _PECULIAR.isdisjoint(cleaned) and not re.fullmatch(_VALID, cleaned):
        raise BadPatternError("a bracket is not closed, or nothing follows a backslash or -")
    head, tail = cleaned.removeprefix("**"), cleaned.removesuffix("**")
    if head != cleaned and is_literal(head):
        if head.startswith("/") and head != "/":
            return Shape("named", head[1:])
        return Shape("wild", sequences=((ANYTHING, *letters(head)),))
    if tail != cleaned and is_literal(tail):
        if tail.endswith("/") and tail != "/":
            return Shape("below", tail[:-1])
        return Shape("wild", sequences=((*letters(tail), ANYTHING),))
    if _PECULIAR.isdisjoint(cleaned):
        return Shape("wild", sequences=(tuple(_items(cleaned)),))
    return Shape("wild", sequences=_Reader(_go_expression(cleaned)).read())


def is_literal(text: str) -> bool:
    """Whether the engine compares a pattern as plain text."""
    return WILD.isdisjoint(text) or WILD.isdisjoint(text.replace("^", ""))


def _items(cleaned: str) -> Iterator[Item]:
    """Read a pattern whose only wildcards are stars and question marks."""
    # The parts alternate: a literal text, then a wildcard.
    parts = _compiled(r"(\*\*/?|\*|\?)").split(cleaned)
    for number, part in enumerate(parts):
        if number % 2 == 0:
            yield from letters(part)
        elif part == "*":
            yield WITHIN_A_NAME
        elif part == "?":
            yield _ONE_OF_A_NAME
        else:
            is_last = number == len(parts) - 2 and not parts[-1]
            yield _WITHIN_A_LINE if is_last else ANY_DIRECTORIES


def _go_expression(pattern: str) -> str:
    """Write the regular expression that the engine makes of a pattern, without its anchors."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if pattern.startswith("**", position - 1):
            position += 1 + pattern.startswith("/", position + 1)
            out.append("(.*/)?" if position < len(pattern) else ".*")
        elif character == "*":
            out.append("[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "\\":
            out.append(pattern[position - 1 : position + 1])
            position += 1
        else:
            out.append(f"\\{character}" if character in _ESCAPED_IN_GO else character)
    return "".join(out)


class _Reader:
    """Reads the engine's expression from left to right."""

    def __init__(self, go: str) -> None:
        self._go, self._position = go, 0
        self._items: list[Item] = []
        self._may_be_repeated = False

    def read(self) -> list[tuple[Item, ...]]:
        """Return the alternatives.

        Only the first alternative is anchored at the path's start, and only the last at its end.
        """
        alternatives = []
        while self._position < len(self._go):
            if self._go[self._position] == "|":
                self._position += 1
                alternatives.append((*self._items, ANYTHING))
                self._items, self._may_be_repeated = [ANYTHING], False
            else:
                self._one()
            if len(self._items) > _MOST_ITEMS:
                raise BadPatternError("it is too long")
        return [*alternatives, tuple(self._items)]

    def _one(self) -> None:
        go, position = self._go, self._position
        character = go[position]
        if character == "{" and (found := _compiled(_ANY_REPETITION).match(go, position)):
            self._repeat(found[0])
        elif go.startswith("(.*/)?", position):
            self._add(ANY_DIRECTORIES, 6)
        elif go.startswith(".*", position):
            self._add(_WITHIN_A_LINE, 2)
        elif go.startswith("[^/]*", position):
            self._add(WITHIN_A_NAME, 5)
        elif character == "[":
            self._class()
        elif character == "\\":
            self._escape(go[position + 1])
        elif character == "^":
            self._add(Item(AT_START), 1)
        elif character == "*":  # remains of a class that starts with `[*`
            self._items[-1] = Item(STAY | SKIP, self._repeatable().takes)
            self._position += 1
            self._may_be_repeated = False
        else:
            self._add(Item(MOVE, character), 1)

    def _add(self, item: Item, length: int) -> None:
        self._items.append(item)
        self._position += length
        self._may_be_repeated = item.does == MOVE

    def _repeatable(self) -> Item:
        if not self._may_be_repeated:
            raise BadPatternError("nothing that can be repeated stands before a repetition")
        return self._items[-1]

    def _repeat(self, written: str) -> None:
        found = _compiled(_REPETITION).fullmatch(written)
        last = self._repeatable()
        least = int(found[1]) if found else _MOST_REPETITIONS + 1
        most = least if not found or not found[2] else int(found[3]) if found[3] else None
        if max(least, most or 0) > _MOST_REPETITIONS or (most is not None and most < least):
            raise BadPatternError(f"{written[:20]} is not a repetition that the engine takes")
        self._items[-1:] = [last] * least
        if most is None:
            self._items.append(Item(STAY | SKIP, last.takes))
        else:
            self._items += [Item(MOVE | SKIP, last.takes)] * (most - least)
        self._position += len(written)
        self._may_be_repeated = False

    def _escape(self, character: str) -> None:
        if character in _CONDITIONS:
            self._add(Item(_CONDITIONS[character]), 2)
        else:
            meant = _escaped(character)
            self._add(Item(MOVE, meant if isinstance(meant, str) else Characters(meant)), 2)

    def _class(self) -> None:
        """Read a `[...]`; the engine replaces wildcards within it too."""
        go, position = self._go, self._position + 1
        is_negated = go.startswith("^", position)
        position += is_negated
        ranges: list[tuple[int, int]] = []
        start = position
        while not go.startswith("]", position) or position == start:
            if position >= len(go):
                raise BadPatternError("a bracket is not closed")
            if go.startswith("[:", position) and go.find(":]", position + 2) >= 0:
                raise BadPatternError("named classes such as [:digit:] cannot be matched here")
            low, position = _class_character(go, position)
            if go.startswith("-", position) and not go.startswith("-]", position):
                high, position = _class_character(go, position + 1)
                if not (isinstance(low, str) and isinstance(high, str) and low <= high):
                    raise BadPatternError("a range in a bracket ends before it begins")
                ranges.append((ord(low), ord(high)))
            else:
                ranges += ((ord(low), ord(low)),) if isinstance(low, str) else low
        found = Characters(tuple(dict.fromkeys(ranges)), is_negated)
        self._add(Item(MOVE, found), position + 1 - self._position)


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression, re.ASCII)


def _class_character(go: str, position: int) -> tuple[str | _Ranges, int]:
    if go.startswith("\\", position):
        return _escaped(go[position + 1]), position + 2
    return go[position : position + 1], position + 1


def _escaped(character: str) -> str | _Ranges:
    """Return what a backslash and a character match in Go, inside or outside a class."""
    if character in _CLASSES:
        return _CLASSES[character]
    if character.lower() in _CLASSES:
        return _others(_CLASSES[character.lower()])
    if character in _GO_CONTROLS:
        return _GO_CONTROLS[character]
    if character.isalnum() or not character.isascii():
        raise BadPatternError(f"the engine does not take \\{character} for {character!r}")
    return character


def _others(ranges: _Ranges) -> _Ranges:
    starts = (0, *(high + 1 for _, high in ranges))
    ends = (*(low - 1 for low, _ in ranges), _LAST)
    return tuple(zip(starts, ends, strict=True))
