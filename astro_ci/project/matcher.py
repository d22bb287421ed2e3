"""Decide by patterns in their order whether a path is excluded, as the engine does. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from msgspec import Struct

from astro_ci.project.automaton import Automaton, Node, bits
from astro_ci.project.patterns import Shape


class Verdict(Struct, frozen=True):
    """The patterns' decision about a path."""

    excluded: bool
    matched: int
    """The bits of the patterns that match this path or one of its parent directories."""


class _Place(Struct, frozen=True):
    """The comparison of the patterns with a directory."""

    node: Node
    """The automaton's state after the directory's path and a slash."""
    below: int
    """The bits of the patterns that match everything in the directory."""
    verdict: Verdict


class Matcher:
    """Compares paths with all patterns at once. Each pattern has bits, in the patterns' order."""

    def __init__(self, patterns: Sequence[tuple[Shape, bool]]) -> None:
        """Take the patterns in order, each with True for an exception."""
        # Each alternative counts as a pattern: adjacent patterns of one kind decide like one.
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
        """Return the index of the pattern that decided; None when no pattern did."""
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
        # A path that matches no further pattern has its directory's verdict, as most paths do.
        if not hits & ~place.verdict.matched:
            return place.verdict, node
        return self._judged(hits, place.verdict.matched), node

    def _known(self, kind: str, text: str) -> int:
        found = self._by_kind[kind].get(text)
        return bits(found, found[-1] + 1) if found else 0

    def _judged(self, hits: int, inherited: int) -> Verdict:
        """Apply the patterns in their order, with one calculation for all.

        As in the engine, a pattern that cannot change the verdict is not tried, and is therefore
        not inherited either: after `a/b`, the line `!a` does not include a/b again. Beside the
        inherited patterns, two kinds count: a plain pattern that is first or follows an exception,
        and an exception that follows a plain pattern.
        """
        found = hits | inherited
        plain, exceptions = found & self._plain, found & self._exceptions
        # The bits between the first plain pattern after an exception and the next exception.
        between = ~exceptions & ((1 << (found.bit_length() + 1)) - 1)
        excluded = ((between ^ (between + (plain & between))) | plain) & between
        changes = (plain & ~(excluded << 1)) | (exceptions & (excluded << 1))
        is_excluded = bool(plain >> (found.bit_length() - 1)) if found else False
        return Verdict(is_excluded, inherited | changes)
