"""What a module does when it is imported: what it may import and define, told from its text.

What it certainly does is a value here; `tree` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_FROM = re.compile(rb"(?:^|;)[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]*", re.M)
_NAMES = re.compile(rb"[^\n#;]+")
_PLAIN = re.compile(rb"(?:^|;)[ \t]*import[ \t]+([^\n#;]+)", re.M)
_COMMENT = re.compile(r"#[^\n]*")
_PUNCTUATION = str.maketrans("()\\", "   ")
_ID = re.compile(rb"(?:\bdag_id[ \t]*=|\bDAG[ \t]*\()\s*[rub]*(['\"])(.+?)\1", re.I)
_DECORATOR_OR_FUNCTION = re.compile(rb"^(?:@(?:\w+\.)*dag\b|(?:async[ \t]+)?def[ \t]+(\w+))", re.M)


class Import(NamedTuple):
    """An import that certainly happens. `module` is empty in `from . import x`."""

    module: str
    level: int
    names: tuple[str, ...]
    """What is taken from the module; empty for a plain import."""
    line: int
    column: int


class DagId(NamedTuple):
    """A DAG that is certainly made."""

    value: str
    line: int
    column: int


class Module:
    """The certain part of a module."""

    def __init__(self) -> None:
        self.imports: list[Import] = []
        self.dag_ids: list[DagId] = []


def may_import(data: bytes) -> set[str]:
    """The modules that a text may import; surely all of them that it imports by statement.

    Of `from a import b` both a and a.b are named, and `from . import b` gives `.b`.
    """
    found: set[str] = set()
    for plain in _PLAIN.findall(data):
        found.update(_names(plain))
    at = 0
    while match := _FROM.search(data, at):
        names, at = _imported(data, match.end())
        found.update(_sources(match[1], names))
    return found


def _imported(data: bytes, at: int) -> tuple[bytes, int]:
    """What stands after `import`, in parentheses or up to the end of the line; and its end."""
    if data.startswith(b"(", at) and (end := data.find(b")", at) + 1):
        return data[at:end], end
    match = _NAMES.match(data, at)
    return (match[0], match.end()) if match else (b"", at)


# Files of one project import the same things over and over.
@lru_cache(maxsize=4096)
def _sources(source: bytes, names: bytes) -> frozenset[str]:
    module = source.decode("utf-8", "replace")
    dot = "" if module.endswith(".") else "."
    return frozenset({module, *(f"{module}{dot}{name}" for name in _names(names))})


@lru_cache(maxsize=4096)
def _names(text: bytes) -> frozenset[str]:
    """The names in `a as b, (c, d)`."""
    plain = _COMMENT.sub("", text.decode("utf-8", "replace")).translate(_PUNCTUATION)
    return frozenset(part.split()[0] for part in plain.split(",") if part.split()) - {"*"}


def may_define(data: bytes) -> set[str]:
    """Literal DAG ids that a text may define, and other text that looks like one."""
    found = {match[2].decode("utf-8", "replace") for match in _ID.finditer(data)}
    if b"dag" in data:
        found.update(_decorated_functions(data))
    return found


def _decorated_functions(data: bytes) -> Iterator[str]:
    """The functions at the top of the file that follow a `@dag`."""
    is_decorated = False
    for match in _DECORATOR_OR_FUNCTION.finditer(data):
        if match[1] is None:
            is_decorated = True
        elif is_decorated:
            yield match[1].decode("utf-8", "replace")
            is_decorated = False
