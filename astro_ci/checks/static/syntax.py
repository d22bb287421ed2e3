"""Check whether a file compiles for the Runtime's Python."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

from astro_ci.checks.static.request import NEWEST, Problem, Version

FILE_NAME = "<astro-ci static check>"
OURS: Version = sys.version_info[:2]

_F_STRING = re.compile(rb"(?i:\b(?:f|fr|rf))[\"']")
_F_STRINGS_SINCE: Version = (3, 12)
"""The first version that accepts any expression in an f-string; see `fstrings`."""
_NEW_SYNTAX: Mapping[Version, bytes] = {
    (3, 10): rb"^[ \t]*match\b|^[ \t]*(?:async[ \t]+)?with[ \t]*\(",
    (3, 11): rb"\bexcept[ \t]*\*|\[[^\]\n]*\*|\*args[ \t]*:[ \t]*\*",
    (3, 12): rb"^[ \t]*type[ \t]+\w|\b(?:def|class)[ \t]+\w+[ \t]*\[",
    (3, 13): rb"\b(?:def|class|type)[ \t]+\w+[ \t]*\[[^\]\n]*=",
    (3, 14): rb"\bexcept\b[^:\n]*,|(?i:\b(?:t|tr|rt))[\"']",
    (3, 15): rb"^[ \t]*lazy[ \t]+(?:import|from)\b",
}
"""For each version, patterns that match all of its new syntax, and may match other text too."""


class NewerSyntaxError(Exception):
    """The file may be valid for the Runtime's Python, which is newer than this interpreter."""


def check_syntax(data: bytes, target: Version) -> Problem | None:
    """Compile a file for a version of Python, without running the file.

    Raises NewerSyntaxError when this interpreter is too old to decide.
    """
    try:
        # Without an AST, which would take as long again.
        compile(data, FILE_NAME, "exec", dont_inherit=True)
        if target < OURS and uses_newer(data, target, OURS):
            import ast  # importing `ast` takes longer than compiling most files

            ast.parse(data, FILE_NAME, feature_version=target)
        if target < _F_STRINGS_SINCE <= OURS and _F_STRING.search(data):
            return _newer_f_string(data, target)
    except SyntaxError as error:
        certain = _certain_error(data, error, target) if target > OURS else error
        return _syntax_problem(certain, target)
    except (RecursionError, MemoryError) as error:
        return _too_complex(error, target)
    except ValueError as error:
        return Problem(rule="dag-syntax", message=f"the file does not compile: {error}")
    return None


def uses_newer(data: bytes, since: Version, until: Version) -> bool:
    """Whether a text may hold syntax of a version later than `since` and not later than `until`."""
    expressions = [text for version, text in _NEW_SYNTAX.items() if since < version <= until]
    return any(re.search(expression, data, re.MULTILINE) for expression in expressions)


def _certain_error(data: bytes, error: SyntaxError, target: Version) -> SyntaxError:
    """Find an error that a newer Python reports too. Raises NewerSyntaxError when none is found."""
    certain: SyntaxError | None = error
    if OURS < _F_STRINGS_SINCE <= target and _F_STRING.search(data):
        certain = _error_outside_f_strings(data)
    if certain is None or _may_be_newer(data, certain, target):
        raise NewerSyntaxError from None
    return certain


def _error_outside_f_strings(data: bytes) -> SyntaxError | None:
    from astro_ci.checks.static.fstrings import NotReadError, without_f_strings

    try:
        compile(without_f_strings(_with_plain_ends(data)), FILE_NAME, "exec", dont_inherit=True)
    except SyntaxError as error:
        return error
    except (NotReadError, RecursionError, MemoryError, ValueError):
        return None
    return None


def _newer_f_string(data: bytes, target: Version) -> Problem | None:
    """Return the problem of an f-string that only this Python, not the Runtime's, accepts."""
    from astro_ci.checks.static.fstrings import NotReadError, f_strings

    data = _with_plain_ends(data)
    try:
        newer = next((found.newer for found in f_strings(data) if found.newer is not None), None)
    except NotReadError:
        return None
    if newer is None:
        return None
    start = data.rfind(b"\n", 0, newer) + 1
    message = (
        "the f-string holds what Python reads since 3.12: its own quotes, a backslash, a comment "
        "or a line end within braces"
    )
    return Problem(
        rule="dag-syntax",
        message=message + _of_version(target),
        line=data.count(b"\n", 0, start) + 1,
        column=len(data[start:newer].decode("utf-8", "replace")) + 1,
    )


def _with_plain_ends(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _may_be_newer(data: bytes, error: SyntaxError, target: Version) -> bool:
    """Whether the line of an error, or the previous line, may use newer syntax."""
    line = error.lineno or 1
    around = b"\n".join(_with_plain_ends(data).split(b"\n")[max(0, line - 2) : line])
    return uses_newer(around, OURS, target)


def _of_version(target: Version) -> str:
    return "" if target == NEWEST else f" (Python {target[0]}.{target[1]})"


def _syntax_problem(error: SyntaxError, target: Version) -> Problem:
    message = error.msg or "invalid syntax"
    if "codec can't decode" in message or "encoding" in message:
        return Problem(rule="dag-encoding", message=message, line=error.lineno or None)
    return Problem(
        rule="dag-syntax",
        message=message + _of_version(target),
        line=error.lineno or None,
        column=error.offset if error.offset and error.offset > 0 else None,
    )


def _too_complex(error: Exception, target: Version) -> Problem:
    reason = "runs out of memory" if isinstance(error, MemoryError) else "is nested too deeply"
    return Problem(
        rule="dag-too-complex",
        message=f"the file {reason} when it is compiled",
        # Each version of Python has different limits.
        severity="error" if target in (OURS, NEWEST) else "warning",
    )
