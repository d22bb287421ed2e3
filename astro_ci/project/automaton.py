"""Match many patterns at once, in time linear in the length of a name for any patterns. Pure.

A pattern is a sequence of items. One integer holds all sequences side by side, with a bit for each
item: a set bit says that the items before this item have matched. One character moves all bits at
once (Shift-And, Baeza-Yates and Gonnet 1992; optional items by the carry of an addition, Navarro
and Raffinot 2001), so the automaton never backtracks. States are cached with their transitions,
so a known state and character need no arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from msgspec import Struct

# Flags of an item: how a bit moves on a matching character, and without a character.
MOVE, STAY, SKIP, DIRECTORIES = 1, 2, 4, 8
AT_START, AT_END, WORD_EDGE, NO_WORD_EDGE = 16, 32, 64, 128
_MEMORY = 16_000_000
_NODE_BYTES, _MOST_CHARACTERS = 400, 2_000
_NEVER = "\0"  # no path contains a null character


class Characters(Struct, frozen=True):
    """A set of characters: the given ranges of code points, or all characters outside them."""

    ranges: tuple[tuple[int, int], ...]
    are_excluded: bool = False

    def __contains__(self, character: str) -> bool:
        code = ord(character)
        return self.are_excluded != any(low <= code <= high for low, high in self.ranges)


ANY = Characters((), are_excluded=True)
NO_SLASH = Characters(((ord("/"), ord("/")),), are_excluded=True)


class Item(Struct, frozen=True):
    """One part of a pattern: its flags, and the characters that it matches."""

    does: int
    takes: str | Characters = _NEVER


@cache
def _letter(character: str) -> Item:
    return Item(MOVE, character)


def letters(text: str) -> Iterator[Item]:
    """Make the items of a literal text."""
    return map(_letter, text)


ANYTHING = Item(STAY | SKIP, ANY)
WITHIN_A_NAME = Item(STAY | SKIP, NO_SLASH)
ANY_DIRECTORIES = Item(SKIP | DIRECTORIES)
"""The empty text, or text without a line feed that ends in a slash: `(.*/)?`."""


class Node:
    """The state of all sequences after some text."""

    __slots__ = ("after_word", "directories", "following", "here", "hits", "is_start")

    def __init__(self, here: int, directories: int, *, is_start: bool, after_word: bool) -> None:
        self.here = here
        self.directories = directories
        """The bits of the ANY_DIRECTORIES items that have started to match."""
        self.is_start, self.after_word = is_start, after_word
        self.following: dict[str, Node] = {}
        self.hits: int | None = None


class Automaton:
    """Sequences of items, each with a bit that says whether the sequence matches."""

    def __init__(self, sequences: Sequence[Sequence[Item] | None]) -> None:
        """Take the sequences. A None takes a bit in the same order, and never matches."""
        does, takes, starts, ends = bytearray(), [], [], []
        self._classes: dict[Characters, list[int]] = {}
        self.bits: list[int] = []
        for sequence in sequences:
            if sequence is not None:
                starts.append(len(does))
                ends.append(len(does) + len(sequence))
            for item in sequence or ():
                if isinstance(item.takes, Characters):
                    self._classes.setdefault(item.takes, []).append(len(does))
                takes.append(item.takes if isinstance(item.takes, str) else _NEVER)
                does.append(item.does)
            self.bits.append(len(does))
            takes.append(_NEVER)
            does.append(0)
        self._size, self._letters = len(does), "".join(takes)
        self._move, self._stay, self._skip, self._directories = (
            _mask(does, flag) for flag in (MOVE, STAY, SKIP, DIRECTORIES)
        )
        conditions = (AT_START, AT_END, WORD_EDGE, NO_WORD_EDGE)
        self._conditions = {flag: mask for flag in conditions if (mask := _mask(does, flag))}
        self._ends = bits(ends, self._size)
        self._taking: dict[str, int] = {}
        self._nodes: dict[tuple[int, int, bool, bool], Node] = {}
        self.most_nodes = _MEMORY // (self._size // 4 + _NODE_BYTES) + 1
        self.start = self._node(bits(starts, self._size), 0, is_start=True, after_word=False)

    @property
    def is_empty(self) -> bool:
        """Whether no sequence can match."""
        return not self._ends

    def run(self, node: Node, text: str) -> Node:
        """Return the node after some more text."""
        for character in text:
            following = node.following.get(character)
            node = self._step(node, character) if following is None else following
        return node

    def hits(self, node: Node) -> int:
        """Return the bits of the sequences that match when the text ends at this node."""
        if node.hits is None:
            node.hits = self._closed(node, None) & self._ends
        return node.hits

    def _step(self, node: Node, character: str) -> Node:
        here = self._closed(node, character)
        taken = here & self._taken_by(character)
        directories = node.directories | (here & self._directories)
        following = ((taken & self._move) << 1) | (taken & self._stay)
        if character == "/":
            following |= directories << 1
        found = self._node(
            following,
            0 if character == "\n" else directories,
            is_start=False,
            after_word=_is_word(character),
        )
        node.following[character] = found
        return found

    def _closed(self, node: Node, character: str | None) -> int:
        """Add the bits reached by skipping optional items; a carry passes a run of such items."""
        skip = self._skip
        if self._conditions:
            is_edge = node.after_word != (character is not None and _is_word(character))
            holds = {
                AT_START: node.is_start,
                AT_END: character is None,
                WORD_EDGE: is_edge,
                NO_WORD_EDGE: not is_edge,
            }
            for condition, mask in self._conditions.items():
                skip |= mask if holds[condition] else 0
        return node.here | (skip ^ (skip + (node.here & skip)))

    def _node(self, here: int, directories: int, *, is_start: bool, after_word: bool) -> Node:
        is_start, after_word = (is_start, after_word) if self._conditions else (False, False)
        key = (here, directories, is_start, after_word)
        node = self._nodes.get(key)
        if node is None:
            if len(self._nodes) >= self.most_nodes:
                for known in self._nodes.values():
                    known.following.clear()
                self._nodes.clear()
            node = self._nodes[key] = Node(
                here, directories, is_start=is_start, after_word=after_word
            )
        return node

    def _taken_by(self, character: str) -> int:
        """Return the bits of the items that match a character."""
        known = self._taking.get(character)
        if known is None:
            if len(self._taking) >= min(self.most_nodes, _MOST_CHARACTERS):
                self._taking.clear()
            known = self._taking[character] = bits(self._takers(character), self._size)
        return known

    def _takers(self, character: str) -> Iterator[int]:
        position = self._letters.find(character)
        while position >= 0:
            yield position
            position = self._letters.find(character, position + 1)
        for characters, positions in self._classes.items():
            if character in characters:
                yield from positions


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


def bits(positions: Iterable[int], size: int) -> int:
    """Make an integer with the bits at these positions set."""
    found = bytearray(size // 8 + 1)
    for position in positions:
        found[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(found, "little")


def _mask(does: bytes | bytearray, flag: int) -> int:
    """Make an integer with a bit for each item that has a flag."""
    digits = bytes(b"01"[bool(value & flag)] for value in range(256))
    return int(does.translate(digits)[::-1] or b"0", 2)
