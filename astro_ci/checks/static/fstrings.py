"""Find the f-strings of a file as Python 3.12 reads them, and those that need Python 3.12.

Since Python 3.12, the expressions in an f-string can contain the f-string's own quotes,
backslashes, comments and line ends. Earlier versions end the string at the first such quote.
Source: PEP 701.
"""

from __future__ import annotations

import re
from typing import NamedTuple

SINCE = (3, 12)
_MOST_NESTING = 20
_PREFIXES = frozenset({b"f", b"fr", b"rf", b"t", b"tr", b"rt"})
_OTHER_CODING = re.compile(rb"coding[:=][ \t]*(?![ \t]|utf-?8\b)", re.IGNORECASE)
_START = re.compile(rb"([A-Za-z]{0,3})(\"\"\"|'''|[\"'])|#[^\n]*")
# No possessive quantifiers: Python 3.11.2, which Debian 12 has, matches them wrongly.
_REST = {
    b'"': re.compile(rb'[^"\\\n]*(?:\\[\s\S][^"\\\n]*)*"'),
    b"'": re.compile(rb"[^'\\\n]*(?:\\[\s\S][^'\\\n]*)*'"),
    b'"""': re.compile(rb'[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*"""'),
    b"'''": re.compile(rb"[^'\\]*(?:(?:\\[\s\S]|'(?!''))[^'\\]*)*'''"),
}
_IN_TEXT = re.compile(rb"[{}\\\"'\n]")
_IN_CODE = re.compile(rb"[A-Za-z]{0,3}(?:\"\"\"|'''|[\"'])|[][(){}#:\\\n]")
_TEXT_OF_CODE = re.compile(rb"[^\n]")


class FString(NamedTuple):
    """An f-string that is not inside another f-string."""

    start: int
    end: int
    newer: int | None
    """The position of the first syntax that needs Python 3.12; None when there is none."""


class NotReadError(ValueError):
    """The file cannot be scanned: it is not valid Python, or not in UTF-8."""


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
    """Return the file with each f-string replaced by plain text of the same lines and columns."""
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
    """Scans one f-string, starting after its opening quote."""

    def __init__(self, data: bytes, quote: bytes) -> None:
        self._data = data
        self._outermost = quote
        self.newer: int | None = None

    def text(self, at: int, quote: bytes, depth: int) -> int:
        """Find the end of an f-string's text, including the expressions in it."""
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
        """Skip a backslash. A brace after it still opens an expression, except in `\\N{...}`."""
        if self._data.startswith(b"N{", at):
            return self._data.find(b"}", at) + 1 or len(self._data)
        return at if self._data.startswith((b"{", b"}"), at) else at + 1

    def _code(self, at: int, quote: bytes, depth: int) -> int:
        """Find the end of an expression, starting after its opening brace."""
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
        """Find the end of a format specification: text, and expressions in braces."""
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
