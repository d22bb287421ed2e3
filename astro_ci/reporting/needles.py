"""Find many secrets in a text; the time depends only on the length of the text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from astro_ci.reporting.secret_texts import SHORTEST

CROSSED_OUT = "***"
_LONG, _START = 24, 16
"""A token of 24 characters counts from its first 16 on: a message may have been cut within it."""
_NO_TOKEN = frozenset(' :"{')
"""What is in a URL, a sentence or a document, whose beginnings are not secret."""
_FEW = 1000
"""So many searches are quicker than one look at each place of the text."""


class Needles:
    """The secrets to cross out, in all their spellings. Short ones are left out."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._by_start: dict[str, list[str]] = {}
        self._by_window: dict[str, list[str]] = {}
        for secret in {text for text in secrets if len(text) >= SHORTEST}:
            can_be_cut = len(secret) >= _LONG and _NO_TOKEN.isdisjoint(secret)
            start = secret[:_START] if can_be_cut else secret
            self._by_start.setdefault(start, []).append(secret)
        for start in self._by_start:
            self._by_window.setdefault(start[:SHORTEST], []).append(start)

    def cross_out(self, text: str) -> str:
        """Replace every secret, and every long beginning of a secret, once where they overlap."""
        spans = sorted(span for start in self._starts_in(text) for span in self._spans(text, start))
        kept, end = [], 0
        for first, last in spans:
            if first >= end:
                kept += [text[end:first], CROSSED_OUT]
            end = max(end, last)
        return "".join([*kept, text[end:]])

    def _starts_in(self, text: str) -> list[str]:
        if len(self._by_start) <= _FEW:
            return [start for start in self._by_start if start in text]
        windows = {
            window
            for place in range(len(text) - SHORTEST + 1)
            if (window := text[place : place + SHORTEST]) in self._by_window
        }
        return [start for window in windows for start in self._by_window[window] if start in text]

    def _spans(self, text: str, start: str) -> Iterator[tuple[int, int]]:
        at = text.find(start)
        while at >= 0:
            end = at + max(_common(secret, text, at) for secret in self._by_start[start])
            yield at, end
            at = text.find(start, end)


def _common(secret: str, text: str, at: int) -> int:
    """Return how many characters of a secret stand at a place of the text."""
    if text.startswith(secret, at):
        return len(secret)
    pairs = enumerate(zip(secret, text[at : at + len(secret)], strict=False))
    return next((place for place, (ours, theirs) in pairs if ours != theirs), len(text) - at)
