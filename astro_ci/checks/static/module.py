"""Find in a module's text what the module may import and define when it is imported.

Also defines the values for what a module certainly imports and defines, which `tree` makes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

# Each pattern starts with literal letters, which makes the search many times faster.
_IMPORT = re.compile(rb"import\b[ \t]*")
_DAG_ID = re.compile(rb"dag(?:_id[ \t]*=|[ \t]*\()\s*[rRuUbB]*(['\"])(.+?)\1")
_DAG_CLASS = re.compile(rb"DAG[ \t]*\(\s*[rRuUbB]*(['\"])(.+?)\1")
_DECORATOR = re.compile(rb"@(?:\w+\.)*dag\b")
_FUNCTION = re.compile(rb"^(?:async[ \t]+)?def[ \t]+(\w+)", re.M)
_NAMES = re.compile(rb"\((?:[^()#]+|#[^\n]*)*\)?|(?:[^\n#;\\]|\\\n)*")
_LONGEST_BEFORE = 1000
"""The number of bytes before `import` that are examined."""
_COMMENT = re.compile(r"#[^\n]*")
_PUNCTUATION = str.maketrans("()\\", "   ")


class Import(NamedTuple):
    """An import that certainly happens. `module` is empty in `from . import x`."""

    module: str
    level: int
    names: tuple[str, ...]
    """The names imported from the module; empty for a plain import."""
    line: int
    column: int


class DagId(NamedTuple):
    """A DAG that is certainly created."""

    value: str
    line: int
    column: int


class Module:
    """What a module certainly imports and defines."""

    def __init__(self) -> None:
        self.imports: list[Import] = []
        self.dag_ids: list[DagId] = []


def may_import(data: bytes) -> set[str]:
    """Return the modules that a text may import, including every module in an import statement.

    `from a import b` gives `a` and `a.b`; `from . import b` gives `.b`.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found: set[str] = set()
    at = 0
    while match := _IMPORT.search(data, at):
        at = match.end()
        source = _source(_before(data, match.start()))
        if source is not None and (names := _NAMES.match(data, at)):
            at = names.end()
            found.update(_imported(source, names[0]))
    return found


def _before(data: bytes, at: int) -> bytes:
    """Return the part of the logical line before a position."""
    first = max(0, at - _LONGEST_BEFORE)
    start = data.rfind(b"\n", first, at)
    while start > first and data.startswith(b"\\", start - 1):
        start = data.rfind(b"\n", first, start)
    return data[start + 1 if start >= 0 else first : at]


# Files of one project repeat the same imports.
@lru_cache(maxsize=4096)
def _source(before: bytes) -> str | None:
    """Return the module of a `from`; "" for a plain import, None when there is no import."""
    text = before.replace(b"\\\n", b" ")
    start = 1 + max(text.rfind(b";"), text.rfind(b":"))
    if not text[start:].strip():
        return "" if text[-1:] in b" \t;:" else None
    words = text[start:].replace(b"from.", b"from .").decode("utf-8", "replace").split()
    return words[1] if words[0] == "from" and len(words) == 2 else None


@lru_cache(maxsize=4096)
def _imported(source: str, text: bytes) -> frozenset[str]:
    names = _names(text)
    dot = "" if source.endswith(".") else "."
    return frozenset({source, *(f"{source}{dot}{name}" for name in names)}) if source else names


def _names(text: bytes) -> frozenset[str]:
    """Return the imported names of a text such as `a as b, (c, d)`."""
    plain = _COMMENT.sub("", text.decode("utf-8", "replace")).translate(_PUNCTUATION)
    return frozenset(part.split()[0] for part in plain.split(",") if part.split()) - {"*"}


def may_define(data: bytes) -> tuple[str, ...]:
    """Return the literal DAG ids that a text may define; an id may occur several times.

    The result may hold texts that only look like a DAG id.
    """
    found = [
        match[2].decode("utf-8", "replace")
        for pattern in (_DAG_ID, _DAG_CLASS)
        for match in pattern.finditer(data)
        if not _goes_on(data, match.start())
    ]
    return (*found, *_decorated_functions(data))


def _goes_on(data: bytes, at: int) -> bool:
    """Whether the character before the position belongs to the same word."""
    return at > 0 and (data[at - 1 : at].isalnum() or data.startswith(b"_", at - 1))


def _decorated_functions(data: bytes) -> Iterator[str]:
    """Yield the names of top-level functions after a `@dag` decorator."""
    at = 0
    while decorator := _DECORATOR.search(data, at):
        function = _FUNCTION.search(data, decorator.end())
        if function is None:
            return
        at = function.end()
        yield function[1].decode("utf-8", "replace")
