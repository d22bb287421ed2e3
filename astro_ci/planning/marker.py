"""The marker: our digests at the end of a deploy's description. Pure.

`astro-ci dags=<16 hex> image=<16 hex> of=<12 hex>`: the digest of each part, and the commit that
the deploy says it came from, or `dirty` where it names none. A description can be copied into
another client's deploy, which then names another commit: such a marker does not count.

Between digests and commit there may be notes: `layout=root`, when the DAG bundle has its files at
its root; `built=<12 hex>` or `built=elsewhere`, when the image was not built by the deploy: the
commit that it was built from, which need not be the deploy's; `made=replaced`, when the image is
the one that ran before, with another code layer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache

from astro_ci.model import Deploy, DeployGit, Digests, Part

DESCRIPTION_LIMIT = 500
NO_DIGEST = "0" * 16
"""Stands for unknown content, which never equals any other."""
_NO_COMMIT = "dirty"
_COMMIT_DIGITS = 12
BUILT_ELSEWHERE = "elsewhere"
MADE_BY_REPLACING = "replaced"
PREFIXED_LAYOUT, ROOT_LAYOUT = "prefixed", "root"


class Note(StrEnum):
    """What a marker can tell beside digests."""

    LAYOUT = "layout"
    BUILT = "built"
    MADE = "made"


def describe(
    text: str, digests: Digests, git: DeployGit | None, notes: Mapping[Note, str] | None = None
) -> str:
    """Put the marker at the end of the user's text, which is cut to the API's limit.

    `git` is what the deploy says of its commit.
    """
    marker = _marker(digests, git, notes or {})
    room = DESCRIPTION_LIMIT - len(marker) - 1
    return f"{text[:room].rstrip()} {marker}".lstrip()


def description_room() -> int:
    """Return how many characters of a description the user has, however long the marker is."""
    digests = dict.fromkeys(Part, NO_DIGEST)
    commit = "0" * _COMMIT_DIGITS
    git = DeployGit(provider="GENERIC", commit_sha=commit)
    notes = {Note.LAYOUT: ROOT_LAYOUT, Note.BUILT: commit}  # never both BUILT and MADE
    return DESCRIPTION_LIMIT - len(_marker(digests, git, notes)) - 1


def built_from(commit: str | None) -> str:
    """The note on a prebuilt image: the start of its commit; None where that is not known."""
    return commit.lower()[:_COMMIT_DIGITS] if commit else BUILT_ELSEWHERE


def read_marker(deploy: Deploy) -> Digests:
    """Read the digests of a deploy of ours; none from a deploy of another client.

    A marker without `of`, as earlier versions wrote it, counts whatever the deploy's commit is.
    """
    words = _words(deploy)
    return {
        part: words[part] for part in Part if part in words and len(words[part]) == len(NO_DIGEST)
    }


def read_notes(deploy: Deploy) -> Mapping[Note, str] | None:
    """Read the notes of a deploy of ours; None from a deploy of another client."""
    words = _words(deploy)
    return {note: words[note] for note in Note if note in words} if words else None


def _words(deploy: Deploy) -> Mapping[str, str]:
    found = _pattern().search(deploy.description)
    if found is None or found["of"] not in (None, _of(deploy.git)):
        return {}
    return dict(word.split("=") for word in (found["digests"] + found["notes"]).split())


def without_marker(description: str) -> str:
    """Return the user's own text."""
    return _pattern().sub("", description).rstrip()


def _marker(digests: Digests, git: DeployGit | None, notes: Mapping[Note, str]) -> str:
    told = (*((part, digests[part]) for part in sorted(digests)), *sorted(notes.items()))
    words = (f"{name}={value}" for name, value in told)
    return f"astro-ci {' '.join(words)} of={_of(git)}"


def _of(git: DeployGit | None) -> str:
    return git.commit_sha.lower()[:_COMMIT_DIGITS] if git else _NO_COMMIT


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(
        r"astro-ci (?P<digests>[a-z]+=[0-9a-f]{16}(?: [a-z]+=[0-9a-f]{16})*)"
        r"(?P<notes>(?: (?!of=)[a-z]+=[a-z0-9]{1,12})*)"
        rf"(?: of=(?P<of>[0-9a-f]{{{_COMMIT_DIGITS}}}|{_NO_COMMIT}))?\s*$"
    )
