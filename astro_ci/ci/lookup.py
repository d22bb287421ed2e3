"""Read values from the environment or from the files that it names, and keep their sources."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from astro_ci.ci import values
from astro_ci.text import Regex

ReadFile = Callable[[Path], str]
Parse = Callable[[str], str | None]

FIRST = "0"
"""The key in a dotted path for the first entry of a list."""

_T = TypeVar("_T")
log = logging.getLogger(__name__)


class Sourced(Struct, Generic[_T], frozen=True):
    """A value and its source: a variable or an event key."""

    value: _T
    source: str


class Lookup(Struct, frozen=True):
    """A source of values: `get` returns the value of a name, or None."""

    get: Callable[[str], str | None]
    read_file: ReadFile
    prefix: str = ""

    def first(self, parse: Parse, *names: str) -> Sourced[str] | None:
        """Find the first of these names whose value `parse` accepts."""
        for name in names:
            raw = self.get(name)
            value = parse(raw) if raw is not None else None
            if value is not None:
                return Sourced(value, self.prefix + name)
        return None

    def text(self, name: str) -> str:
        """Return the unchanged value; empty when absent."""
        return values.non_empty(self.get(name) or "") or ""

    def says(self, name: str, *words: str) -> bool:
        """Whether the value is one of these words, in any case."""
        return self.text(name).lower() in words

    def json(self, name: str) -> Lookup:
        """Open the JSON file that this name points to; keys are dotted paths into it.

        A file that is missing or is not JSON is a document without keys.
        """
        document = self._parsed(name, json.loads)
        return Lookup(lambda path: _dig(document, path), self.read_file, "event.")

    def properties(self, name: str) -> Lookup:
        """Open the Java properties file that this name points to; like `json` when it cannot."""
        found: dict[str, str] = self._parsed(name, parse_properties) or {}
        return Lookup(found.get, self.read_file)

    def _parsed(self, name: str, parse: Callable[[str], _T]) -> _T | None:
        path = self.text(name)
        if not path:
            return None
        try:
            return parse(self.read_file(Path(path)))
        # ValueError: bytes that are no text, text that is no JSON, a path that holds a NUL;
        # RecursionError: JSON nested too deeply.
        except (OSError, ValueError, RecursionError) as error:
            log.warning("could not read the file that %s names: %s", name, type(error).__name__)
            return None


def _dig(document: object, path: str) -> str | None:
    for key in path.split("."):
        if isinstance(document, list) and key == FIRST:
            document = document[0] if document else None
        elif isinstance(document, dict):
            document = document.get(key)
        else:
            return None
    if isinstance(document, bool):
        return "true" if document else "false"
    return str(document) if isinstance(document, str | int) else None


_LINE_END = Regex(r"\r\n|\r|\n")
_CONTINUED = Regex(r"(?<!\\)(?:\\\\)*\\$")
_KEY_VALUE = Regex(r"((?:\\.|[^\\\s=:])*)(?:[ \t\f]*[=:][ \t\f]*|[ \t\f]+|$)(.*)", re.DOTALL)
_ESCAPE = Regex(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def parse_properties(text: str) -> dict[str, str]:
    """Parse a Java properties file. Source: java.util.Properties.load."""
    found: dict[str, str] = {}
    lines = iter(_LINE_END.split(text))
    for line in lines:
        logical = line.lstrip(" \t\f")
        if not logical or logical[0] in "#!":
            continue
        parts = [logical]
        while _CONTINUED.search(parts[-1]):
            parts[-1] = parts[-1][:-1]
            parts.append(next(lines, "").lstrip(" \t\f"))
        logical = "".join(parts)
        if pair := _KEY_VALUE.fullmatch(logical):
            found[_unescape(pair[1])] = _unescape(pair[2])
    return found


def _unescape(text: str) -> str:
    def plain(match: re.Match[str]) -> str:
        return chr(int(match[1], 16)) if match[1] else _ESCAPED.get(match[2], match[2])

    return _ESCAPE.sub(plain, text)
