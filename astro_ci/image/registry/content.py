"""Read the bytes of a blob from any source, and check their digest on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from astro_ci.errors import RegistryError
from astro_ci.image.registry.manifest import Descriptor

PIECE_BYTES = 256 << 10

Open = Callable[[int], Iterator[bytes]]
"""Reads a blob from an offset on."""


class Content:
    """A blob's bytes for an upload, which may resume in the middle.

    Each byte is digested when it is read for the first time. The last bytes are only returned if
    the digest is right, so that no upload of a wrong blob is ever completed.
    """

    def __init__(self, blob: Descriptor, open_at: Open, what: str) -> None:
        self.blob = blob
        self._open = open_at
        self._what = what
        self._digest = hashlib.new(blob.digest.partition(":")[0])
        self._digested = 0

    def part(self, start: int, end: int) -> Iterator[bytes]:
        """Read from `start` up to `end`. Raises RegistryError for a wrong blob."""
        position = start
        pieces = self._open(start) if end > start else iter(())
        for piece in pieces:
            piece = piece[: end - position]
            self._pass(position, piece)
            position += len(piece)
            if position == self.blob.size:
                self._require_whole(pieces)
            yield piece
            if position == end:
                return
        if position < end:
            raise RegistryError(
                f"{self._what} ends after {position} of {self.blob.size} bytes",
                hint="Build the image again: the stored content is cut off.",
            )
        if not self.blob.size:
            self._require_whole(pieces)

    def _pass(self, position: int, piece: bytes) -> None:
        new = piece[max(self._digested - position, 0) :]
        if position <= self._digested and new:
            self._digest.update(new)
            self._digested += len(new)

    def _require_whole(self, pieces: Iterator[bytes]) -> None:
        # When an upload resumes in the middle, an earlier attempt has digested the start.
        found = f"{self._digest.name}:{self._digest.hexdigest()}"
        if self._digested == self.blob.size and found != self.blob.digest:
            raise RegistryError(
                f"{self._what} should be {self.blob.digest} and is {found}",
                hint="Build or push the image again: the stored content is damaged.",
            )


def drain(content: Content) -> None:
    """Read a blob to its end, to check its digest."""
    for _ in content.part(0, content.blob.size):
        pass
