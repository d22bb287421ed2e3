"""Make untrusted text safe to print, and write lists, sizes, durations and moments as people do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

_EXCERPT = 80
_BETWEEN_WORDS = " ,;:'\"&|=()[]{}<>/\\"


class Regex:
    """A regular expression that is compiled when it is first used: a run uses few of them."""

    __slots__ = ("_compiled", "_flags", "_text")

    def __init__(self, text: str, flags: int = 0) -> None:
        """Take what `re.compile` takes."""
        self._text = text
        self._flags = flags
        self._compiled: re.Pattern[str] | None = None

    def match(self, text: str, position: int = 0) -> re.Match[str] | None:
        """As `re.Pattern.match`."""
        return self._ready().match(text, position)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """As `re.Pattern.fullmatch`."""
        return self._ready().fullmatch(text)

    def search(self, text: str) -> re.Match[str] | None:
        """As `re.Pattern.search`."""
        return self._ready().search(text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """As `re.Pattern.finditer`."""
        return self._ready().finditer(text)

    def split(self, text: str) -> list[str]:
        """As `re.Pattern.split`, for a pattern without groups."""
        return self._ready().split(text)

    def sub(self, replacement: str | Callable[[re.Match[str]], str], text: str) -> str:
        """As `re.Pattern.sub`."""
        return self._ready().sub(replacement, text)

    def _ready(self) -> re.Pattern[str]:
        if self._compiled is None:
            self._compiled = re.compile(self._text, self._flags)
        return self._compiled


def printable(text: str) -> str:
    """One line without control characters: file names and titles may hold anything."""
    if text.isprintable():  # which no surrogate escape is
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in unicode(text)
    )


def unicode(text: str) -> str:
    """Spell out bytes that are not UTF-8: their surrogate escapes cannot be encoded."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a pair, which no file name can hold, but JSON can
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def crossed_out(text: str, secrets: Iterable[str]) -> str:
    """Cross out the secrets of a request in its answer: services may repeat them."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text


def shorten(text: str, limit: int) -> str:
    """Cut a text to so many characters, with an ellipsis where something is missing."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def excerpt(text: str) -> str:
    """Quote from a file that a stranger may have written: one line of 80 characters at the most.

    A word that would be cut is left out whole, so that the redactor still finds the secrets in
    the rest.
    """
    line = printable(text[: 2 * _EXCERPT])
    if len(line) <= _EXCERPT and len(text) <= _EXCERPT:
        return line
    cut = line[: _EXCERPT - 1]
    end = max(cut.rfind(mark) for mark in _BETWEEN_WORDS) + 1
    return f"{cut[:end] or cut}…"


def listed(names: Sequence[str], *, most: int = 5) -> str:
    """Join names into a clause, at most `most` of them."""
    shown = ", ".join(printable(name) for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def size_text(size: int) -> str:
    """A number of bytes as people write it: `812 bytes`, `6 kB`, `3.4 MB`."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


def duration_text(seconds: float) -> str:
    """A time as people write it: `0.4 s`, `42 s`, `2 min 5 s`, `1 h 2 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def moment_text(seconds: float, *, has_seconds: bool = False) -> str:
    """A moment as people read it, in UTC: `2026-11-27 04:56 UTC`, or `04:56:07` with `has_seconds`.

    It is given in seconds since 1970. Documents for machines keep the API's RFC 3339.
    """
    from datetime import UTC, datetime  # few runs show a moment

    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):  # of a token with a strange expiry
        return f"{seconds:.0f} s after 1970-01-01 UTC"
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC" if has_seconds else "%Y-%m-%d %H:%M UTC")


def api_moment_text(moment: str) -> str:
    """A moment that the API gives in RFC 3339; any other text stays as it is, safe to print."""
    from datetime import UTC, datetime

    try:
        found = datetime.fromisoformat(moment)
        return moment_text(found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return printable(moment)


def short(sha: str) -> str:
    """A commit as people write it."""
    return sha[:7]


def shortened_digest(digest: str) -> str:
    """Shorten a digest for people: the algorithm, and the first 12 digits."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:12]}"


def sentence(text: str) -> str:
    """Add the capital and the full stop of a sentence, where they are missing.

    A name at the start, such as `astro-ci.yaml` or `dags/a.py:3`, stays as it is.
    """
    first = text.partition(" ")[0].rstrip(".,:;")
    if not any(c in "./_=" for c in first):
        text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?)" else f"{text}."
