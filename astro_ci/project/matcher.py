"""Decide by many patterns in their order whether a path is excluded, as the engine does. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from msgspec import Struct

from astro_ci.project.automaton import Automaton, Node, bits
from astro_ci.project.patterns import Shape


class Verdict(Struct, frozen=True):
    """What the patterns say of a path."""

    excluded: bool
    matched: int
    """The bits of the patterns that match this path, or matched a directory above it."""


class _Place(Struct, frozen=True):
    """A directory, as far as the patterns have been compared with it."""

    node: Node
    """After its path and a slash."""
    below: int
    """The bits of the patterns that match all that is in it."""
    verdict: Verdict


class Matcher:
    """Compares paths with all patterns at once. Each pattern has bits, in the patterns' order."""

    def __init__(self, patterns: Sequence[tuple[Shape, bool]]) -> None:
        """Take the patterns in their order, each with whether it is an exception."""
        # An alternative is a pattern of its own: equal ones in a row decide as one would.
        parts = [
            (number, shape, sequence)
            for number, (shape, _) in enumerate(patterns)
            for sequence in (shape.sequences or (None,))
        ]
        self._automaton = Automaton([sequence for _, _, sequence in parts])
        self._bits = self._automaton.bits
        self._numbers = [number for number, _, _ in parts]
        kinds = ("path", "below", "named")
        self._by_kind: dict[str, dict[str, list[int]]] = {kind: {} for kind in kinds}
        exceptions, all_bits = [], []
        for (number, shape, _), bit in zip(parts, self._bits, strict=True):
            all_bits.append(bit)
            if patterns[number][1]:
                exceptions.append(bit)
            if shape.kind != "wild":
                self._by_kind[shape.kind].setdefault(shape.text, []).append(bit)
        size = self._bits[-1] + 1 if self._bits else 1
        self._exceptions = bits(exceptions, size)
        self._plain = bits(all_bits, size) ^ self._exceptions
        self._slashes = {name.count("/") for name in self._by_kind["named"]}
        root = _Place(self._automaton.start, 0, Verdict(excluded=False, matched=0))
        self._places = {"": root}

    def verdict(self, path: str) -> Verdict:
        """Compare a path with the patterns."""
        directory, _, name = path.rpartition("/")
        place = self._places.get(directory) or self._place(directory)
        return self._look(place, path, name)[0]

    def last(self, verdict: Verdict) -> int | None:
        """The number of the pattern that decided."""
        if not verdict.matched:
            return None
        return self._numbers[bisect_left(self._bits, verdict.matched.bit_length() - 1)]

    def _place(self, directory: str) -> _Place:
        missing = []
        while directory not in self._places:
            missing.append(directory)
            directory = directory.rpartition("/")[0]
        place = self._places[directory]
        if len(self._places) + len(missing) > self._automaton.most_nodes:
            self._places = {"": self._places[""]}
        for path in reversed(missing):
            verdict, node = self._look(place, path, path.rpartition("/")[2])
            below = place.below | self._known("below", path)
            node = self._automaton.run(node, "/")
            place = self._places[path] = _Place(node, below, verdict)
        return place

    def _look(self, place: _Place, path: str, name: str) -> tuple[Verdict, Node]:
        node = self._automaton.run(place.node, name)
        hits = place.below | self._automaton.hits(node) | self._known("path", path)
        for count in self._slashes:
            parts = path.rsplit("/", count + 1) if count else [name]
            if len(parts) > count:
                hits |= self._known("named", "/".join(parts[-1 - count :]))
        # What matches nothing new goes the way of its directory; most paths end here.
        if not hits & ~place.verdict.matched:
            return place.verdict, node
        return self._judged(hits, place.verdict.matched), node

    def _known(self, kind: str, text: str) -> int:
        found = self._by_kind[kind].get(text)
        return bits(found, found[-1] + 1) if found else 0

    def _judged(self, hits: int, inherited: int) -> Verdict:
        """Let the patterns decide one after the other, all in one go.

        As in the engine, a pattern that could not change the verdict is not tried, and so is not
        inherited either: after `a/b`, the line `!a` does not bring back a/b. So what counts, beside
        what is inherited, is each plain pattern that follows an exception or nothing, and each
        exception that follows a plain pattern.
        """
        found = hits | inherited
        plain, exceptions = found & self._plain, found & self._exceptions
        # From the first plain pattern after each exception up to the next exception, both aside.
        between = ~exceptions & ((1 << (found.bit_length() + 1)) - 1)
        excluded = ((between ^ (between + (plain & between))) | plain) & between
        changes = (plain & ~(excluded << 1)) | (exceptions & (excluded << 1))
        is_excluded = bool(plain >> (found.bit_length() - 1)) if found else False
        return Verdict(is_excluded, inherited | changes)
