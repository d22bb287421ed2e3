"""Find out whether a Dockerfile has only metadata after its FROM. Pure.

If so, the base image's `ONBUILD COPY . .` makes the last layer, and no later step reads this layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from astro_ci.text import Regex, excerpt

_METADATA = frozenset(
    ("ARG", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "STOPSIGNAL", "USER")
)
_DIRECTIVE = Regex(r"#\s*(syntax|escape|check)\s*=\s*(\S*)", re.IGNORECASE)
_KNOWN_SYNTAX = Regex(r"(?:docker\.io/)?docker/dockerfile(?::1(?:\.\d+)*)?(?:@sha256:\w+)?")
_WORD = Regex(r"[A-Za-z]+")
_GOES_ON = Regex(r"(?:.*[^\\])?\\")
"""A line that the next line continues; two backslashes at its end are an escaped backslash."""


def more_than_metadata(text: str) -> str:
    """Describe the first other content; empty when there is none. Lines end in a line feed."""
    for line in text.removeprefix("\ufeff").split("\n"):
        found = _DIRECTIVE.match(line.strip())
        if found and found[1].lower() == "escape":
            return "the Dockerfile has an escape directive"
        is_other = found and found[1].lower() == "syntax" and not _KNOWN_SYNTAX.fullmatch(found[2])
        if found and is_other:
            return f"the Dockerfile has the syntax of {excerpt(found[2])!r}"
    has_from = False
    for number, line in _instructions(text.removeprefix("\ufeff")):
        word = _WORD.match(line)
        keyword = word[0].upper() if word else ""
        if keyword == "FROM":
            if has_from:
                return "the Dockerfile has more than one stage"
            has_from = True
        elif has_from and keyword not in _METADATA:
            return f"line {number} of the Dockerfile does more than set metadata: {keyword}"
        elif not has_from and keyword != "ARG":
            return f"line {number} of the Dockerfile cannot be read"
    return "" if has_from else "the Dockerfile has no FROM"


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Read each instruction as one line, with the number of its first line.

    Docker joins all lines that this function joins. Docker also joins lines over empty lines; here,
    the rest of such an instruction looks like an unknown instruction.
    """
    held, start = "", 0
    for number, written in enumerate(text.split("\n"), start=1):
        line = written.strip()
        if line.startswith("#") or not (line or held):
            continue
        start = start or number
        if _GOES_ON.fullmatch(line):
            held += f"{line[:-1]} "
            continue
        if line := f"{held}{line}".strip():
            yield start, line
        held, start = "", 0
    if held.strip():
        yield start, held.strip()
