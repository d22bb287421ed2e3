"""One part of what ships, compared with one part of what runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from astro_ci.model import Change, Part, Sameness


class Comparison(Struct, frozen=True, kw_only=True):
    """What a part of the checkout was compared with, and what differs."""

    base: str | None = None
    """The commit; None when there is none to compare with."""
    changes: Sequence[Change] | None = None
    """The changes since the base, in every part; None when they are not known."""
    digest: str | None = None
    """The digest of the running content, when the running deploy has a marker."""
    unknown: str = ""
    """Why there is nothing to compare with, as a clause."""
    layout: str = ""
    """How the running DAG bundle has its files; empty when that is not known, or there is none."""
    newer: str | None = None
    """The running commit, when history proves that it came after the checked-out one."""

    def counted(self, part: Part) -> list[Change]:
        """The changes that are in a part."""
        return [change for change in self.changes or () if part in change.parts]

    def sameness(self, part: Part, digest: str) -> Sameness:
        """Say whether the part with this digest equals the running part."""
        if self.digest is not None:
            return "same" if self.digest == digest else "different"
        if self.changes is None:
            return "unknown"
        return "different" if self.counted(part) else "same"
