"""Compile regular expressions as RE2 does; Airflow 2 matches `.airflowignore` with RE2.

Python's engine does the matching, because some supported machines have no wheel of RE2. A pattern
that RE2 refuses is refused here, and syntax that the engines read differently is rewritten. The
caller's time limit stops a pattern that takes Python's engine too long. Source: RE2's syntax page.
"""

from __future__ import annotations

import re

_MOST_REPETITIONS = 1000
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_WHITE_SPACE = r"\t\n\f\r "  # RE2's \s lacks the vertical tab


class UnsupportedError(ValueError):
    """RE2 accepts the pattern, and no pattern of Python's engine has the same meaning."""


def compile_re2(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for `search`.

    Raises re.error for a pattern that RE2 refuses, and UnsupportedError.
    """
    return re.compile("".join(_translated(pattern)), re.ASCII)


def _translated(pattern: str) -> list[str]:
    out: list[str] = []
    position = 0
    while position < len(pattern):
        step = {"\\": _escape, "[": _class, "(": _group, "{": _repetition}.get(
            pattern[position], _plain
        )
        text, position = step(pattern, position)
        out.append(text)
    return out


def _plain(pattern: str, at: int) -> tuple[str, int]:
    if pattern[at] in "*+?" and pattern.startswith("+", at + 1):
        raise re.error("bad repetition operator", pattern, at)
    return (r"\Z" if pattern[at] == "$" else pattern[at]), at + 1


def _escape(pattern: str, at: int) -> tuple[str, int]:
    following = pattern[at + 1 : at + 2]
    if following == "Q":
        quoted, _, _ = pattern[at + 2 :].partition(r"\E")
        return re.escape(quoted), min(at + 4 + len(quoted), len(pattern))
    if following in ("p", "P", "C", "x"):
        raise UnsupportedError(f"\\{following}")
    if following and (following in "123456789Z" or following in "EGNRXhkuUyY"):
        raise re.error("invalid escape sequence", pattern, at)
    known = {"s": f"[{_WHITE_SPACE}]", "S": f"[^{_WHITE_SPACE}]", "z": r"\Z"}
    return known.get(following, pattern[at : at + 2]), at + 2


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Translate a `[...]`."""
    out = ["[^" if pattern.startswith("^", at + 1) else "["]
    at += len(out[0])
    while not pattern.startswith("]", at) or len(out) == 1:
        if at >= len(pattern):
            raise re.error("missing ]", pattern, len(pattern) - 1)
        if pattern.startswith("[:", at) and ":]" in pattern[at + 2 :]:
            name = pattern[at + 2 : pattern.index(":]", at + 2)]
            if name not in _POSIX:
                raise re.error("invalid character class range", pattern, at)
            out.append(_POSIX[name])
            at += len(name) + 4
        elif pattern[at] == "\\":
            escaped = pattern[at + 1 : at + 2]
            if escaped in ("p", "P", "x", "S", "D", "W"):
                raise UnsupportedError(f"[\\{escaped}]")
            out.append(_WHITE_SPACE if escaped == "s" else pattern[at : at + 2])
            at += 2
        else:
            # Python warns of brackets and doubled marks, which RE2 takes literally.
            out.append(f"\\{pattern[at]}" if pattern[at] in "[&|~" else pattern[at])
            at += 1
    return "".join((*out, "]")), at + 1


def _group(pattern: str, at: int) -> tuple[str, int]:
    if not pattern.startswith("(?", at):
        return "(", at + 1
    if pattern.startswith("(?:", at):
        return "(?:", at + 3
    if match := re.compile(r"\(\?P?<(\w+)>").match(pattern, at):
        return f"(?P<{match[1]}>", match.end()
    if match := re.compile(r"\(\?([imsU]*)(-[imsU]+)?([:)])").match(pattern, at):
        if match[3] == ":" and not set("U") & set(match[0]) and "m" not in match[0]:
            return match[0], match.end()
        if at == 0 and set(match[1]) <= set("is") and not match[2]:
            return match[0], match.end()
        raise UnsupportedError(match[0])
    raise re.error("invalid perl operator", pattern, at)


def _repetition(pattern: str, at: int) -> tuple[str, int]:
    match = re.compile(r"\{(\d+)(?:,(\d*))?\}").match(pattern, at)
    if match is None:  # a literal brace for RE2; Python would read {,3} as a repetition
        return r"\{", at + 1
    if max(int(number) for number in match.groups() if number) > _MOST_REPETITIONS:
        raise re.error("bad repetition operator", pattern, at)
    if pattern.startswith("+", match.end()):
        raise re.error("bad repetition operator", pattern, at)
    return match[0], match.end()
