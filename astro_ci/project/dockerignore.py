"""Which paths of a build context `.dockerignore` leaves out, decided as current Docker does.

What a pattern matches is in `patterns`. A path is compared with all of them at once, in time that
is linear in its length; a directory is compared once for all that it holds.

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

# What Go calls white space; str.strip() would also take the ASCII separators 0x1C to 0x1F.
_WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_WHITE_SPACE += "\u2028\u2029\u202f\u205f\u3000"

_MOST_PATTERNS = 200_000
# What may make an expression match text that does not begin as the pattern does.
_PECULIAR = frozenset("|{^")
# What may match a slash, beside `**`: a class that names others, an escape such as `\\D`.
_ACROSS_PARTS = frozenset("[\\")
_ANY_DEPTH = -1


def ignore_file_names(dockerfile: str) -> tuple[str, str]:
    """Name the files that may hold the patterns for a Dockerfile; the first that exists counts."""
    return f"{dockerfile}.dockerignore", ".dockerignore"


class Pattern(Struct, frozen=True, kw_only=True):
    """One line of an ignore file."""

    text: str
    """As written, surrounding white space aside."""
    line: int
    is_exception: bool
    """Whether it brings back what an earlier line left out."""
    cleaned: str
    shape: Shape

    def within(self, directory: str) -> Pattern:
        """The same pattern for the paths relative to a directory, which is taken literally."""
        name = "".join(f"\\{c}" if c in WILD else c for c in directory)
        return replace(self, cleaned=f"{name}/{self.cleaned}", shape=self.shape.within(directory))

    @property
    def start_of_exception(self) -> str | None:
        """Below which directory this may bring something back, with `/`; None for anywhere."""
        prefix = self.cleaned.removesuffix("/**").removesuffix("/*")
        return f"{prefix}/" if WILD.isdisjoint(prefix) else None

    def directories_of_choice(self) -> list[str] | None:
        """Name where this pattern matches one file right in a directory and not another.

        None where that is not a short list: see `choice`.
        """
        if is_literal(self.cleaned):
            return [self.cleaned.rpartition("/")[0]]
        tail = self.cleaned.removesuffix("**")
        if tail == self.cleaned or not is_literal(tail):
            return None
        above = tail[:-1].split("/")[:-1]  # of `a/b/**` this is a: in a/b every file matches
        return ["", *("/".join(above[: depth + 1]) for depth in range(len(above)))]

    def choice(self) -> tuple[str, int]:
        """Say in which directories this might match one file and not another.

        In those whose path with `/` starts as the text does, or the other way round, and that
        are as deep as the number says; `_ANY_DEPTH` for all of them.
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
        return bool(self.patterns) and self._matcher.verdict(path).excluded

    def matching_pattern(self, path: str) -> str | None:
        """Return the line that decided about this path, which may be an exception."""
        number = self._matcher.last(self._matcher.verdict(path))
        return self.patterns[number].text if number is not None else None

    def is_uniform_in(self, directory: str) -> bool:
        """Tell whether all files right in a directory share one fate, whatever their names.

        May deny it of a directory of which it holds; never the other way round.
        """
        if not self.patterns or not self._choices.may_choose_in(directory):
            return True
        # Without exceptions, nothing below an excluded directory returns.
        return not self._exceptions and self.excludes(directory)

    def may_include_below(self, directory: str) -> bool:
        """Say whether an excluded directory has to be walked all the same."""
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
    """Where the patterns might match one file right in a directory and not another."""

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
        # Of those that start in or below this directory, one is enough: it says "might".
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
    # The engine cleans twice, the second time with the mark: `!/` loses its path, and what
    # starts with a mark only now (`./!a`) becomes an exception.
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
    # POSIX gives a path that starts with exactly two slashes a meaning of its own.
    return cleaned[1:] if cleaned.startswith("//") else cleaned
