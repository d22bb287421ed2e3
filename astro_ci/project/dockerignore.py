"""Which paths of a build context `.dockerignore` leaves out, decided as current Docker does.

The engine turns each pattern into a Go regular expression, and its oddities follow from that:
`[*]` is not a literal star, `^` is not escaped, `\\d` is a digit. So does this module, in three
steps: the lines (`ignorefile`), the Go expression (`patternmatcher`), the Python one.

Source: https://github.com/moby/patternmatcher, as BuildKit's client walks a context with it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from astro_ci.errors import ProjectError
from astro_ci.text import excerpt

# What Go calls white space; str.strip() would also take the ASCII separators 0x1C to 0x1F.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"

# The syntax that Go's filepath.Match accepts; the engine asks it before anything else.
_CLASS_CHARACTER = r"(?:\\.|[^\]\\-])"
_VALID = re.compile(
    rf"(?:\[\^?+(?:{_CLASS_CHARACTER}(?:-{_CLASS_CHARACTER})?)+\]|\\.|[^\[\\])*", re.DOTALL
)
# The engine means to escape {, | and } as well; its table of characters ends before them.
_ESCAPED_IN_GO = frozenset(".+()$")
_REPETITION = re.compile(r"\{(?:0|[1-9]\d*)(?:,(?:0|[1-9]\d*)?)?\}", re.ASCII)
_ANYTHING = "(?s:.*)"
_WILD = frozenset("*[]?^\\")
# What may make an expression match text that does not begin as the pattern does.
_PECULIAR = frozenset("|{^")
# What may match a slash, beside `**`: a class that names others, an escape such as `\\D`.
_ACROSS_PARTS = frozenset("[\\")
_SAME_IN_PYTHON = frozenset("dDsSwW")
_PYTHON_FOR = {character: character for character in "()*?^"} | {
    ".": r"[^\n]",
    # Only the first alternative is tied to the start of the path, and only the last to its end.
    "|": f"{_ANYTHING}|{_ANYTHING}",
}
_GO_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_GO_ANCHORS = {"A": r"\A", "b": r"\b", "B": r"\B", "z": r"\Z"}


def ignore_file_names(dockerfile: str) -> tuple[str, str]:
    """Name the files that may hold the patterns for a Dockerfile; the first that exists counts."""
    return f"{dockerfile}.dockerignore", ".dockerignore"


class _BadPatternError(ValueError):
    """The engine refuses this pattern, or gives it a meaning that Python cannot express."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One line of an ignore file."""

    text: str
    """As written, surrounding white space aside."""
    line: int
    is_exception: bool
    """Whether it brings back what an earlier line left out."""
    cleaned: str
    expression: re.Pattern[str] = field(repr=False)

    def within(self, directory: str) -> Pattern:
        """The same pattern for the paths relative to a directory, which is taken literally."""
        name = "".join(f"\\{c}" if c in _WILD else c for c in directory)
        return replace(
            self,
            cleaned=f"{name}/{self.cleaned}",
            expression=re.compile(
                f"{re.escape(directory)}/(?:{self.expression.pattern})", re.ASCII
            ),
        )

    def could_match_below(self, directory: str) -> bool:
        """Tell whether this exception might bring back something under `directory`."""
        prefix = self.cleaned.removesuffix("/**").removesuffix("/*")
        return not _WILD.isdisjoint(prefix) or f"{prefix}/".startswith(f"{directory}/")

    def directories_of_choice(self) -> list[str] | None:
        """Name where this pattern matches one file right in a directory and not another.

        None where that is not a short list: see `may_choose_in`.
        """
        if _is_literal(self.cleaned):
            return [self.cleaned.rpartition("/")[0]]
        tail = self.cleaned.removesuffix("**")
        if tail == self.cleaned or not _is_literal(tail):
            return None
        above = tail[:-1].split("/")[:-1]  # of `a/b/**` this is a: in a/b every file matches
        return ["", *("/".join(above[: depth + 1]) for depth in range(len(above)))]

    def may_choose_in(self, directory: str) -> bool:
        """Tell whether this pattern might match one file right in `directory` and not another.

        May say so of a pattern that does not; never the other way round.
        """
        here, cleaned = f"{directory}/", self.cleaned
        if not _PECULIAR.isdisjoint(cleaned):
            return True
        prefix = re.split(r"[*?[\\]", cleaned, maxsplit=1)[0]
        if not (here.startswith(prefix) or prefix.startswith(here)):
            return False
        is_within_parts = "**" not in cleaned and _ACROSS_PARTS.isdisjoint(cleaned)
        return not is_within_parts or cleaned.count("/") == here.count("/")


@dataclass(frozen=True, slots=True)
class _Verdict:
    excluded: bool
    matched: tuple[bool, ...]
    """Per pattern: whether it matches this path, or matched a directory above it."""
    decided_by: Pattern | None


class DockerIgnore:
    """The patterns of one ignore file. Paths are relative to the context root, with `/`."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self.patterns = patterns
        self._exceptions = [pattern for pattern in patterns if pattern.is_exception]
        self._any = re.compile("|".join(f"(?:{p.expression.pattern})" for p in patterns), re.ASCII)
        chosen = [(pattern, pattern.directories_of_choice()) for pattern in patterns]
        self._choosing = {name for _, names in chosen for name in names or ()}
        self._may_choose = [pattern for pattern, names in chosen if names is None]
        self._root = _Verdict(False, (False,) * len(patterns), None)
        self._directories: dict[str, _Verdict] = {"": self._root}

    @classmethod
    def parse(cls, text: str, *, name: str = ".dockerignore") -> DockerIgnore:
        """Read an ignore file; a line that the engine would refuse is a ProjectError."""
        return cls(tuple(_read_patterns(text, name)))

    def also_within(self, directory: str) -> DockerIgnore:
        """The same patterns, each for paths as they are and for those relative to a directory.

        One that matches either way matches, so that an exception holds for both.
        """
        if not directory:
            return self
        both = ((pattern, pattern.within(directory)) for pattern in self.patterns)
        return DockerIgnore(tuple(pattern for pair in both for pattern in pair))

    def excludes(self, path: str) -> bool:
        """Tell whether the engine leaves this path out of the build context."""
        return self._verdict(path).excluded

    def is_uniform_in(self, directory: str) -> bool:
        """Tell whether all files right in a directory share one fate, whatever their names.

        May deny it of a directory of which it holds; never the other way round.
        """
        if directory not in self._choosing and not any(
            pattern.may_choose_in(directory) for pattern in self._may_choose
        ):
            return True
        # What can only be left out once more is left out.
        return not self._exceptions and self.excludes(directory)

    def matching_pattern(self, path: str) -> str | None:
        """Return the line that decided about this path, which may be an exception."""
        decided_by = self._verdict(path).decided_by
        return decided_by.text if decided_by else None

    def may_include_below(self, directory: str) -> bool:
        """Tell whether an excluded directory has to be walked all the same."""
        return any(pattern.could_match_below(directory) for pattern in self._exceptions)

    def _verdict(self, path: str) -> _Verdict:
        if not self.patterns:
            return self._root
        above = self._directory(path.rpartition("/")[0])
        # A path that no pattern matches goes the way of its directory; most paths end here.
        return self._judge(path, above) if self._any.fullmatch(path) else above

    def _directory(self, path: str) -> _Verdict:
        known = self._directories.get(path)
        if known is None:
            known = self._directories[path] = self._verdict(path)
        return known

    def _judge(self, path: str, above: _Verdict) -> _Verdict:
        excluded, matched, decided_by = False, [], None
        for pattern, inherited in zip(self.patterns, above.matched, strict=True):
            # As in the engine, a pattern that could not change the verdict is not tried, and
            # so is not inherited either: after `a/b`, the line `!a` does not bring back a/b.
            is_match = inherited or (
                pattern.is_exception == excluded and pattern.expression.fullmatch(path) is not None
            )
            matched.append(is_match)
            if is_match:
                excluded, decided_by = not pattern.is_exception, pattern
        return _Verdict(excluded, tuple(matched), decided_by)


def _read_patterns(text: str, name: str) -> Iterator[Pattern]:
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        written = line.strip(_WHITE_SPACE)
        if not written or line.startswith("#"):
            continue
        try:
            yield _read_pattern(written, number)
        except (_BadPatternError, re.error) as error:
            raise ProjectError(
                f"{name} line {number}: the pattern '{excerpt(written)}' is not valid: {error}",
                hint="correct the pattern; to match a special character itself, write a "
                "backslash before it",
            ) from error


def _read_pattern(written: str, number: int) -> Pattern:
    mark, path = ("!", written[1:].strip(_WHITE_SPACE)) if written[0] == "!" else ("", written)
    if path:
        path = _clean(path)
        path = path[1:] if len(path) > 1 and path.startswith("/") else path
    # The engine cleans twice, the second time with the mark: `!/` loses its path, and what
    # starts with a mark only now (`./!a`) becomes an exception.
    cleaned = _clean(f"{mark}{path}".strip(_WHITE_SPACE))
    is_exception = cleaned.startswith("!")
    cleaned = cleaned.removeprefix("!")
    if not cleaned:
        raise _BadPatternError("an exception needs a path after the !")
    if not _VALID.fullmatch(cleaned):
        raise _BadPatternError("a bracket is not closed, or nothing follows a backslash or -")
    return Pattern(
        text=written,
        line=number,
        is_exception=is_exception,
        cleaned=cleaned,
        expression=re.compile(_expression(cleaned), re.ASCII),
    )


def _clean(path: str) -> str:
    """Clean a path as Go's filepath.Clean does."""
    cleaned = posixpath.normpath(path)
    # POSIX gives a path that starts with exactly two slashes a meaning of its own.
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _expression(pattern: str) -> str:
    """Translate a cleaned pattern into an expression for `fullmatch`.

    Three simple shapes are compared as plain text by the engine, and so are not translated:
    `**` and a literal (which may end anywhere: `**foo` matches `barfoo`), a literal and `**`,
    and a literal.
    """
    head, tail = pattern.removeprefix("**"), pattern.removesuffix("**")
    if head != pattern and _is_literal(head):
        bare = f"|{re.escape(head[1:])}" if head.startswith("/") else ""
        return f"{_ANYTHING}{re.escape(head)}{bare}"
    if tail != pattern and _is_literal(tail):
        return f"{re.escape(tail)}{_ANYTHING}"
    if _is_literal(pattern):
        return re.escape(pattern)
    return "".join(_translate(_go_expression(pattern)))


def _is_literal(text: str) -> bool:
    return _WILD.isdisjoint(text.replace("^", ""))


def _go_expression(pattern: str) -> str:
    """Write the regular expression that the engine makes of a pattern, without its anchors."""
    out: list[str] = []
    rest = pattern
    while rest:
        if rest.startswith("**"):
            rest = rest[2:].removeprefix("/")
            out.append("(.*/)?" if rest else ".*")
            continue
        character, rest = rest[0], rest[1:]
        if character == "*":
            out.append("[^/]*")
        elif character == "?":
            out.append("[^/]")
        elif character == "\\":
            out.append(character + rest[:1])
            rest = rest[1:]
        else:
            out.append(f"\\{character}" if character in _ESCAPED_IN_GO else character)
    return "".join(out)


def _translate(go: str) -> Iterator[str]:
    """Turn the engine's expression into Python's, whose classes and escapes differ."""
    position = 0
    while position < len(go):
        character = go[position]
        if character == "[":
            translated, position = _translate_class(go, position + 1)
            yield translated
        elif character == "\\":
            yield _translate_escape(go[position + 1])
            position += 2
        elif character == "{" and (repetition := _REPETITION.match(go, position)):
            yield repetition.group()
            position = repetition.end()
        else:
            yield _PYTHON_FOR.get(character) or re.escape(character)
            position += 1


def _translate_escape(character: str) -> str:
    return _GO_ANCHORS.get(character) or _class_escape(character)


def _translate_class(go: str, position: int) -> tuple[str, int]:
    """Translate a `[...]` whose first character is at `position`; return where it ends."""
    start = "[^" if go.startswith("^", position) else "["
    position += len(start) - 1
    out = [start]
    while not go.startswith("]", position) or len(out) == 1:
        if position >= len(go):
            raise _BadPatternError("a bracket is not closed")
        if go.startswith("[:", position) and ":]" in go[position + 2 :]:
            raise _BadPatternError("named classes such as [:digit:] cannot be matched here")
        low, position = _class_character(go, position)
        if go.startswith("-", position) and not go.startswith("-]", position):
            high, position = _class_character(go, position + 1)
            low = f"{low}-{high}"
        out.append(low)
    return "".join((*out, "]")), position + 1


def _class_character(go: str, position: int) -> tuple[str, int]:
    if go.startswith("\\", position):
        return _class_escape(go[position + 1]), position + 2
    return re.escape(go[position : position + 1]), position + 1


def _class_escape(character: str) -> str:
    """Say in Python what a backslash and a character mean to Go, inside a class or outside."""
    if character in _SAME_IN_PYTHON:
        return f"\\{character}"
    if character in _GO_CONTROLS:
        return re.escape(_GO_CONTROLS[character])
    if character.isalnum() or not character.isascii():
        raise _BadPatternError(f"the engine does not take \\{character} for {character!r}")
    return re.escape(character)
