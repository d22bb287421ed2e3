"""The marker: our digests at the end of a deploy's description. Pure.

`astro-ci dags=<16 hex> image=<16 hex> of=<12 hex>`: the digest of each part, and the commit that
the deploy says it came from, or `dirty` where it names none. A description can be copied into
another client's deploy, which then names another commit: such a marker does not count.
"""

from __future__ import annotations

import re
from functools import cache

from astro_ci.model import Deploy, DeployGit, Digests, Part

DESCRIPTION_LIMIT = 500
NO_DIGEST = "0" * 16
"""Stands for unknown content, which never equals any other."""
_NO_COMMIT = "dirty"
_COMMIT_DIGITS = 12


def describe(text: str, digests: Digests, git: DeployGit | None) -> str:
    """Put the marker at the end of the user's text, which is cut to the API's limit.

    `git` is what the deploy says of its commit.
    """
    marker = _marker(digests, git)
    room = DESCRIPTION_LIMIT - len(marker) - 1
    return f"{text[:room].rstrip()} {marker}".lstrip()


def description_room() -> int:
    """Return how many characters of a description are left for the user."""
    digests = dict.fromkeys(Part, NO_DIGEST)
    git = DeployGit(provider="GENERIC", commit_sha="0" * _COMMIT_DIGITS)
    return DESCRIPTION_LIMIT - len(_marker(digests, git)) - 1


def read_marker(deploy: Deploy) -> Digests:
    """Read the digests of a deploy of ours; none from a deploy of another client.

    A marker without `of`, as earlier versions wrote it, counts whatever the deploy's commit is.
    """
    found = _pattern().search(deploy.description)
    if found is None or found["of"] not in (None, _of(deploy.git)):
        return {}
    digests = dict(word.split("=") for word in found["digests"].split())
    return {part: digests[part] for part in Part if part in digests}


def without_marker(description: str) -> str:
    """Return the user's own text."""
    return _pattern().sub("", description).rstrip()


def _marker(digests: Digests, git: DeployGit | None) -> str:
    words = (f"{part}={digests[part]}" for part in sorted(digests))
    return f"astro-ci {' '.join(words)} of={_of(git)}"


def _of(git: DeployGit | None) -> str:
    return git.commit_sha.lower()[:_COMMIT_DIGITS] if git else _NO_COMMIT


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(
        r"astro-ci (?P<digests>[a-z]+=[0-9a-f]{16}(?: [a-z]+=[0-9a-f]{16})*)"
        rf"(?: of=(?P<of>[0-9a-f]{{{_COMMIT_DIGITS}}}|{_NO_COMMIT}))?\s*$"
    )
