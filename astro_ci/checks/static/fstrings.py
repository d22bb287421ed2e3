"""Where the f-strings of a file are, as Python 3.12 reads them, and which of them need it.

Python 3.12 lets the expressions in an f-string hold anything: its own quotes, backslashes, comments
and line ends. An earlier Python takes the first quote for the end of the string. Source: PEP 701.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SINCE = (3, 12)
_MOST_NESTING = 20
_PREFIXES = frozenset({b"f", b"fr", b"rf", b"t", b"tr", b"rt"})
_OTHER_CODING = re.compile(rb"coding[:=][ \t]*+(?!utf-?8\b)", re.IGNORECASE)
_START = re.compile(rb"([A-Za-z]{0,3})(\"\"\"|'''|[\"'])|#[^\n]*")
_REST = {
    b'"': re.compile(rb'(?:[^"\\\n]|\\[\s\S])*+"'),
    b"'": re.compile(rb"(?:[^'\\\n]|\\[\s\S])*+'"),
    b'"""': re.compile(rb'(?:[^"\\]|\\[\s\S]|"(?!""))*+"""'),
    b"'''": re.compile(rb"(?:[^'\\]|\\[\s\S]|'(?!''))*+'''"),
}
_IN_TEXT = re.compile(rb"[{}\\\"'\n]")
_IN_CODE = re.compile(rb"[A-Za-z]{0,3}(?:\"\"\"|'''|[\"'])|[][(){}#:\\\n]")
_TEXT_OF_CODE = re.compile(rb"[^\n]")


class FString(NamedTuple):
    """One that is in no other."""

    start: int
    end: int
    newer: int | None
    """Where it holds the first thing that only Python 3.12 and later read; None: nothing."""


class NotReadError(ValueError):
    """The file cannot be read this way; it is no Python, or in another encoding."""


def f_strings(data: bytes) -> list[FString]:
    """Find the f-strings of a file with `\\n` as its line ends. Raises NotReadError."""
    if not data.isascii() and any(map(_OTHER_CODING.search, data.split(b"\n", 2)[:2])):
        raise NotReadError
    found = []
    at = 0
    while start := _START.search(data, at):
        at = start.end()
        quote = start[2]
        if quote is None:
            continue
        if start[1].lower() in _PREFIXES:
            scan = _Scan(data, quote)
            at = scan.text(at, quote, 0)
            found.append(FString(start.start(), at, scan.newer))
        else:
            at = _end_of_string(data, at, quote)
    return found


def without_f_strings(data: bytes) -> bytes:
    """The file with plain text in the place of each f-string; lines and columns stay."""
    parts, at = [], 0
    for found in f_strings(data):
        text = data[found.start : found.end]
        quote = b'"""' if b"\n" in text else b'"'
        inner = _TEXT_OF_CODE.sub(b".", text)[1 + len(quote) : -len(quote)]
        parts += [data[at : found.start], b"r", quote, inner, quote]
        at = found.end
    return b"".join((*parts, data[at:]))


def _end_of_string(data: bytes, at: int, quote: bytes) -> int:
    rest = _REST[quote].match(data, at)
    if rest is None:
        raise NotReadError
    return rest.end()


class _Scan:
    """A look at one f-string, from the inside of its quotes on."""

    def __init__(self, data: bytes, quote: bytes) -> None:
        self._data = data
        self._outermost = quote
        self.newer: int | None = None

    def text(self, at: int, quote: bytes, depth: int) -> int:
        """Find the end of the text of an f-string, and of the code within."""
        data = self._data
        while found := _IN_TEXT.search(data, at):
            at, char = found.end(), found[0]
            if data.startswith(quote, found.start()):
                return found.start() + len(quote)
            if char == b"\n" and len(quote) == 1:
                break
            if char == b"\\":
                at = self._escape(at)
            elif char == b"{" and data.startswith(b"{", at):
                at += 1
            elif char == b"{":
                at = self._code(at, quote, depth + 1)
        raise NotReadError

    def _escape(self, at: int) -> int:
        """Go on behind a backslash: a brace after it is one like another, but for `\\N{...}`."""
        if self._data.startswith(b"N{", at):
            return self._data.find(b"}", at) + 1 or len(self._data)
        return at if self._data.startswith((b"{", b"}"), at) else at + 1

    def _code(self, at: int, quote: bytes, depth: int) -> int:
        """Find the end of an expression, whose brace is open."""
        if depth > _MOST_NESTING:
            raise NotReadError
        data, brackets = self._data, 0
        while found := _IN_CODE.search(data, at):
            at, char = found.end(), found[0]
            if char == b"#" or char == b"\\" or (char == b"\n" and len(self._outermost) == 1):
                self._needs_newer(found.start())
            if char == b"#":
                at = data.find(b"\n", at) + 1 or len(data)
            elif char[-1:] in b"\"'":
                at = self._string(found, quote, depth)
            elif char in b"([{":
                brackets += 1
            elif char == b":" and not brackets:
                return self._format(at, quote, depth)
            elif char == b"}" and not brackets:
                return at
            elif char in b")]}":
                brackets -= 1
        raise NotReadError

    def _string(self, found: re.Match[bytes], quote: bytes, depth: int) -> int:
        """Find the end of a string within an expression."""
        prefix, at = found[0].rstrip(b"\"'").lower(), found.end()
        own = found[0][len(prefix) :]
        if prefix in _PREFIXES:
            end = self.text(at, own, depth + 1)
        else:
            end = _end_of_string(self._data, at, own)
        text = self._data[found.start() : end]
        if self._outermost in text or quote in text or b"\\" in text:
            self._needs_newer(found.start())
        if b"\n" in text and len(self._outermost) == 1:
            self._needs_newer(found.start())
        return end

    def _format(self, at: int, quote: bytes, depth: int) -> int:
        """Find the end of what stands behind the colon: text, and code in braces."""
        data = self._data
        while found := _IN_TEXT.search(data, at):
            at, char = found.end(), found[0]
            if char == b"}":
                return at
            if data.startswith(quote, found.start()) or (char == b"\n" and len(quote) == 1):
                break
            if char == b"{":
                at = self._code(at, quote, depth + 1)
        raise NotReadError

    def _needs_newer(self, at: int) -> None:
        self.newer = at if self.newer is None else min(self.newer, at)
