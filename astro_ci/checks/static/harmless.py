"""Whether a stranger's Python file may be compiled in this process. Pure.

Compiling runs nothing, but it can end the process (the C stack overflows under a deep syntax
tree), or keep it busy (deep brackets, long lines). A file is harmless when no statement of it can
become a deep tree. The scan knows strings and brackets as every version of Python reads them;
where versions differ, and where it cannot tell, the file is not harmless, and a process of its own
compiles it.

A tree is no deeper than a statement has operators and keywords that nest, plus its brackets, plus
the indentation, plus the `elif` in a row. Parser, symbol table and code generator take up to 20
frames for a bracket and up to 4 for the others: with these limits less than 512 KiB of stack.
"""

from __future__ import annotations

import re

MOST_BYTES = 128 << 10
LONGEST_LINE = 1000
"""Bytes. Expressions that look at one line may take the square of its length."""
MOST_NESTING = 500
"""Operators and keywords in one statement that may each add a level to the tree."""
MOST_BRACKETS = 12
"""Open at once. The parser may take time that doubles with each, when it looks for an error."""
MOST_INDENTATION = 60
"""Columns; each level takes one at least."""
_MOST_IGNORE_BYTES = 2000
MOST_BRANCHES = 50
"""`elif` in a file; each is nested in the one before."""

# The content of an f-string between quotes: Python 3.12 reads nested quotes where earlier versions
# see the end of the string, so none of the same kind may occur, and others only in pairs.
_CODE = r"[^\"'\n\\{{}}#:]*"
_FORMAT = r"(?::[^\"'\n\\{{}}#]*(?:\{{[\w.]*\}}[^\"'\n\\{{}}#]*)*)?"
_INNER = r"{o}[^{q}{o}\n\\{{}}]*{o}(?!{o})"
_INNER_SAME = r"{q}[^{q}{o}\n\\{{}}]*{q}(?!{q})"
_FIELD = rf"\{{{{(?![{{{{}}}}]){_CODE}(?:{_INNER}{_CODE})*{_FORMAT}\}}}}"
_FIELD_LONG = rf"\{{{{(?![{{{{}}}}]){_CODE}(?:(?:{_INNER}|{_INNER_SAME}){_CODE})*{_FORMAT}\}}}}"
_F_SHORT = r"{q}(?!{q}{q})(?:[^{q}\n\\{{}}]|\\[^\n{{}}N]|\{{\{{|\}}\}}|" + _FIELD + r")*+{q}"
_F_LONG = (
    r"{q}{q}{q}(?:[^{q}\\{{}}]|{q}(?!{q}{q})|\\[^{{}}N]|\{{\{{|\}}\}}|"
    + _FIELD_LONG
    + r")*+{q}{q}{q}"
)
_SHORT = r"{q}(?!{q}{q})(?:[^{q}\\\n]|\\[\s\S])*+{q}"
_LONG = r"{q}{q}{q}(?:[^{q}\\]|\\[\s\S]|{q}(?!{q}{q}))*+{q}{q}{q}"
_IS_F = r"(?:(?<=[fFtT])|(?<=[fFtT][rR]))"
_NO_F = r"(?<![fFtT])(?<![fFtT][rR])"


def _both(form: str) -> str:
    return "|".join(form.format(q=q, o=o) for q, o in (('"', "'"), ("'", '"')))


_WORD = r"[^\n\"'#\\()\[\]{}]"
_PLAIN, _END, _OPEN, _CLOSE, _F, _TEXT = range(1, 7)
_TOKEN = re.compile(
    rf"((?:{_WORD}+|\({_WORD}*\)|\[{_WORD}*\])++|\\\n?)|(\n)|([(\[{{])|([)\]}}])|"
    rf"{_IS_F}({_both(_F_LONG)}|{_both(_F_SHORT)})|"
    rf"{_NO_F}({_both(_LONG)}|{_both(_SHORT)})|#[^\n]*".encode()
)
_IGNORE_LINE = re.compile(rb"[\w./ \t-]*(?:\*{1,2}[\w./ \t-]*){0,2}\s*(?:#.*)?")
_INDENTATION = re.compile(rb"[ \t\f]*")
_HARMLESS = bytes(set(range(256)) - set(b"+-*/%@&|^~<>!.([{"))
"""Bytes that add no level. Lambdas and the like are counted as words."""
_NESTING_WORDS = (b"lambda", b"not", b"else", b"await", b"for", b"if")


def is_harmless(data: bytes) -> bool:
    """Whether compiling the file takes little stack, memory and time, whatever it holds."""
    if len(data) > MOST_BYTES or data.count(b"elif") > MOST_BRANCHES:
        return False
    if b"\r" in data:  # the compiler takes each for the end of a line
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return has_short_lines(data) and _names_no_encoding(data) and _are_flat(data)


def is_harmless_ignore_file(data: bytes) -> bool:
    """Whether the patterns of an `.airflowignore` are quick, be they expressions or globs."""
    if len(data) > _MOST_IGNORE_BYTES:
        return False
    return all(_IGNORE_LINE.fullmatch(line.lstrip(b"!/")) for line in data.splitlines())


def has_short_lines(data: bytes) -> bool:
    """Whether every line is short enough for any expression that looks at one line."""
    return len(data) <= LONGEST_LINE or max(map(len, data.split(b"\n"))) <= LONGEST_LINE


def _names_no_encoding(data: bytes) -> bool:
    """Whether the file is read as UTF-8, as it is scanned."""
    return not any(b"coding" in line for line in data.split(b"\n", 2)[:2])


def _are_flat(data: bytes) -> bool:
    """Whether every statement is."""
    match, at, size = _TOKEN.match, 0, len(data)
    open_brackets = 0
    code: list[bytes] = []
    while at < size:
        if not code and _INDENTATION.match(data, at).end() - at > MOST_INDENTATION:  # type: ignore[union-attr]
            return False
        found = match(data, at)
        if found is None:  # a string that does not end, or that versions read differently
            return False
        at, kind = found.end(), found.lastindex
        if kind == _END and not open_brackets:
            if not _is_flat(code):
                return False
            code = []
            continue
        if kind == _OPEN:
            open_brackets += 1
            if open_brackets > MOST_BRACKETS:
                return False
        elif kind == _CLOSE:
            open_brackets = max(0, open_brackets - 1)
        code.append(b" " if kind in (_TEXT, None) else found[0])
    return _is_flat(code)


def _is_flat(code: list[bytes]) -> bool:
    """Whether a statement, given without its strings and comments, has few levels."""
    if len(code) <= MOST_NESTING and sum(map(len, code)) <= MOST_NESTING:
        return True
    text = b"".join(code)
    words = sum(map(text.count, _NESTING_WORDS))
    return words + len(text.translate(None, _HARMLESS)) <= MOST_NESTING
