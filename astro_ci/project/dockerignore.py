"""Decide which paths of a build context `.dockerignore` excludes, as current Docker does.

The module `patterns` decides what a pattern matches. A path is compared with all patterns at once,
in time linear in its length. A directory is compared once for all files in it.

Source: https://github.com/moby/patternmatcher, as BuildKit's client walks a context with it.
"""

from __future__ import annotations

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from astro_ci.errors import ProjectError
from astro_ci.project.matcher import Matcher
from astro_ci.project.patterns import WILD, BadPatternError, Shape, is_literal, shape_of
from astro_ci.text import excerpt

# Go's white space; str.strip() would also remove the ASCII separators 0x1C to 0x1F.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"

_MOST_PATTERNS = 200_000
# Characters that can make a pattern match text that starts differently from the pattern.
_PECULIAR = frozenset("|{^")
# Characters that can match a slash, beside `**`: a negated class, or an escape such as `\\D`.
_ACROSS_PARTS = frozenset("[\\")
_ANY_DEPTH = -1


def ignore_file_names(dockerfile: str) -> tuple[str, str]:
    """Return the possible ignore files for a Dockerfile; the first that exists counts."""
    return f"{dockerfile}.dockerignore", ".dockerignore"


class Pattern(Struct, frozen=True, kw_only=True):
    """One line of an ignore file."""

    text: str
    """The line as written, without surrounding white space."""
    line: int
    is_exception: bool
    """Whether the pattern includes paths again that an earlier line excluded."""
    cleaned: str
    shape: Shape

    def within(self, directory: str) -> Pattern:
        """Return the pattern for paths below a directory, whose name is literal."""
        name = "".join(f"\\{c}" if c in WILD else c for c in directory)
        return replace(self, cleaned=f"{name}/{self.cleaned}", shape=self.shape.within(directory))

    @property
    def start_of_exception(self) -> str | None:
        """Return the directory, with `/`, below which an exception can include paths again.

        None when the exception can match anywhere.
        """
        prefix = self.cleaned.removesuffix("/**").removesuffix("/*")
        return f"{prefix}/" if WILD.isdisjoint(prefix) else None

    def directories_of_choice(self) -> list[str] | None:
        """List the directories where this pattern can match some direct files and not others.

        None when the list would be long or unbounded: see `choice`.
        """
        if is_literal(self.cleaned):
            return [self.cleaned.rpartition("/")[0]]
        tail = self.cleaned.removesuffix("**")
        if tail == self.cleaned or not is_literal(tail):
            return None
        above = tail[:-1].split("/")[:-1]  # for `a/b/**` this is `a`: every file in a/b matches
        return ["", *("/".join(above[: depth + 1]) for depth in range(len(above)))]

    def choice(self) -> tuple[str, int]:
        """Return a prefix and a depth of the directories where this may match only some files.

        These are the directories of that depth (`_ANY_DEPTH`: of any depth) whose path, with
        `/`, starts with the prefix, or is a start of the prefix.
        """
        cleaned = self.cleaned
        if not _PECULIAR.isdisjoint(cleaned):
            return "", _ANY_DEPTH
        prefix = re.split(r"[*?[\\]", cleaned, maxsplit=1)[0]
        is_within_parts = "**" not in cleaned and _ACROSS_PARTS.isdisjoint(cleaned)
        return prefix, cleaned.count("/") if is_within_parts else _ANY_DEPTH


class DockerIgnore:
    """The patterns of one ignore file. Paths are relative to the context root, with `/`."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self.patterns = patterns

    @classmethod
    def parse(cls, text: str, *, name: str = ".dockerignore") -> DockerIgnore:
        """Read an ignore file. Raises ProjectError for a line that the engine would refuse."""
        return cls(tuple(_read_patterns(text, name)))

    def also_within(self, directory: str) -> DockerIgnore:
        """Return patterns that match both full paths and paths relative to a directory.

        A pattern matches when either path matches, so an exception applies to both paths too.
        """
        if not directory:
            return self
        both = ((pattern, pattern.within(directory)) for pattern in self.patterns)
        return DockerIgnore(tuple(pattern for pair in both for pattern in pair))

    def excludes(self, path: str) -> bool:
        """Whether the engine leaves this path out of the build context."""
        return bool(self.patterns) and self._matcher.verdict(path).excluded

    def matching_pattern(self, path: str) -> str | None:
        """Return the line that decides about this path, which may be an exception, or None."""
        number = self._matcher.last(self._matcher.verdict(path))
        return self.patterns[number].text if number is not None else None

    def is_uniform_in(self, directory: str) -> bool:
        """Whether all direct files of a directory are included, or all are excluded.

        May return False for a uniform directory, but never True for another directory.
        """
        if not self.patterns or not self._choices.may_choose_in(directory):
            return True
        # Without exceptions, nothing below an excluded directory returns.
        return not self._exceptions and self.excludes(directory)

    def may_include_below(self, directory: str) -> bool:
        """Whether an exception may include files below an excluded directory."""
        if None in self._exceptions:
            return True
        known, here = self._sorted_exceptions, f"{directory}/"
        at = bisect_left(known, here)
        return at < len(known) and known[at].startswith(here)

    @cached_property
    def _matcher(self) -> Matcher:
        return Matcher([(pattern.shape, pattern.is_exception) for pattern in self.patterns])

    @cached_property
    def _choices(self) -> _Choices:
        return _Choices(self.patterns)

    @cached_property
    def _exceptions(self) -> frozenset[str | None]:
        return frozenset(p.start_of_exception for p in self.patterns if p.is_exception)

    @cached_property
    def _sorted_exceptions(self) -> list[str]:
        return sorted(filter(None, self._exceptions))


class _Choices:
    """The directories where patterns may match some direct files and not others."""

    def __init__(self, patterns: tuple[Pattern, ...]) -> None:
        self._directories: set[str] = set()
        self._depths: dict[str, set[int]] = {}
        for pattern in patterns:
            names = pattern.directories_of_choice()
            if names is not None:
                self._directories.update(names)
            else:
                prefix, depth = pattern.choice()
                self._depths.setdefault(prefix, set()).add(depth)
        self._prefixes = sorted(self._depths)

    def may_choose_in(self, directory: str) -> bool:
        here = f"{directory}/"
        if directory in self._directories:
            return True
        depth = here.count("/")
        for end in range(len(here) + 1):
            depths = self._depths.get(here[:end])
            if depths and (depth in depths or _ANY_DEPTH in depths):
                return True
        # One prefix that starts in or below this directory is enough for True.
        at = bisect_left(self._prefixes, here)
        return at < len(self._prefixes) and self._prefixes[at].startswith(here)


def _read_patterns(text: str, name: str) -> Iterator[Pattern]:
    count = 0
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        written = line.strip(_WHITE_SPACE)
        if not written or line.startswith("#"):
            continue
        count += 1
        if count > _MOST_PATTERNS:
            raise ProjectError(
                f"{name} has more than {_MOST_PATTERNS:,} patterns",
                hint="Exclude directories instead of each of their files.",
            )
        try:
            yield _read_pattern(written, number)
        except BadPatternError as error:
            raise ProjectError(
                f"{name} line {number}: the pattern '{excerpt(written)}' is not valid: {error}",
                hint="Correct the pattern; to match a special character itself, write a "
                "backslash before it.",
            ) from error


def _read_pattern(written: str, number: int) -> Pattern:
    mark, path = ("!", written[1:].strip(_WHITE_SPACE)) if written[0] == "!" else ("", written)
    if path:
        path = _clean(path)
        path = path[1:] if len(path) > 1 and path.startswith("/") else path
    # The engine cleans a line twice, the second time with the `!`: `!/` loses its path, and a
    # line that starts with `!` only after the first time (`./!a`) becomes an exception.
    cleaned = _clean(f"{mark}{path}".strip(_WHITE_SPACE))
    is_exception = cleaned.startswith("!")
    cleaned = cleaned.removeprefix("!")
    if not cleaned:
        raise BadPatternError("an exception needs a path after the !")
    return Pattern(
        text=written,
        line=number,
        is_exception=is_exception,
        cleaned=cleaned,
        shape=shape_of(cleaned),
    )


def _clean(path: str) -> str:
    """Clean a path as Go's filepath.Clean does."""
    cleaned = posixpath.normpath(path)
    # Python keeps two leading slashes, as POSIX allows; Go keeps one.
    return cleaned[1:] if cleaned.startswith("//") else cleaned
