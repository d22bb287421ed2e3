"""Match branches and tags with patterns in the syntax of GitHub's branch filters. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from msgspec import Struct

from astro_ci.errors import ConfigurationError
from astro_ci.project.automaton import (
    ANY_DIRECTORIES,
    ANYTHING,
    WITHIN_A_NAME,
    Automaton,
    Item,
    letters,
)
from astro_ci.text import Regex, excerpt

_MEANING = {"**/": ANY_DIRECTORIES, "**": ANYTHING, "*": WITHIN_A_NAME}
# Characters that no branch and no tag can have. Source: git-check-ref-format(1).
_NEVER = Regex(r"[\x00-\x20\x7f~^:?\[\\]|\.\.|@\{")


class RefPatterns(Struct, frozen=True):
    """Patterns in their order; the last matching pattern decides, and `!` excludes."""

    patterns: Sequence[str] = ()

    def deciding(self, name: str) -> str | None:
        """Return the pattern that includes this branch or tag, or None."""
        automaton = Automaton([_items(pattern.removeprefix("!")) for pattern in self.patterns])
        hits = automaton.hits(automaton.run(automaton.start, name))
        if not hits:
            return None
        last = self.patterns[bisect_left(automaton.bits, hits.bit_length() - 1)]
        return None if last.startswith("!") else last

    def __str__(self) -> str:
        return ", ".join(self.patterns) or "none"


def read_pattern(name: str, text: str) -> str:
    """Check a pattern. Raises ConfigurationError when no branch or tag could match it.

    `*` stands for anything but `/`, `**` for anything, and `**/` for any directories or none.
    """
    pattern = text.removeprefix("!")
    for prefix in ("refs/heads/", "refs/tags/"):
        if pattern.startswith(prefix):
            raise ConfigurationError(
                f"{name}: '{excerpt(text)}' is a full ref",
                hint=f"Write '{excerpt(pattern.removeprefix(prefix))}', without {prefix}.",
            )
    if not pattern or _NEVER.search(pattern):
        raise ConfigurationError(
            f"{name}: no branch and no tag can match '{excerpt(text)}'",
            hint="Write names in which * matches anything but /, and ** matches anything.",
        )
    return text


def _items(pattern: str) -> list[Item]:
    # Every second part is a wildcard.
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    return [
        item
        for number, part in enumerate(parts)
        for item in ([_MEANING[part]] if number % 2 else letters(part))
    ]
