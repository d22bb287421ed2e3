"""Compress the layers of a `docker save` archive, which are tar files, to blobs, each once."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from astro_ci.image.registry.manifest import Descriptor
from astro_ci.image.stored.files import PIECE_BYTES, unfit
from astro_ci.image.stored.layers import GZIP, UnreadableLayerError, unpacked

_LEVEL = 2


class PackedLayer:
    """A layer as the blob for a registry. A layer that is already compressed stays unchanged.

    The blob is a file in `scratch`. The uncompressed layer must have the digest `diff_id`.
    """

    def __init__(
        self,
        shown: str,
        read: Callable[[int], Iterator[bytes]],
        *,
        size: int,
        diff_id: str,
        media_type: str,
        scratch: Path,
    ) -> None:
        self.size = size
        self._shown = shown
        self._read = read
        self._diff_id = diff_id
        self._media_type = media_type
        self._packed = scratch / f"{diff_id.partition(':')[2]}.tar.gz"
        self._is_packed = False
        self._descriptor: Descriptor | None = None
        self._lock = threading.Lock()

    def describe(self) -> Descriptor:
        """Compress the layer, unless this is already done, and return the blob's descriptor."""
        with self._lock:
            if self._descriptor is None:
                pieces = self._read(0)
                first = next(pieces, b"")
                self._is_packed = not first.startswith(GZIP)
                self._descriptor = self._pack() if self._is_packed else self._digest()
            return self._descriptor

    def read(self, offset: int) -> Iterator[bytes]:
        """Read the blob."""
        if not self._is_packed:
            yield from self._read(offset)
            return
        with self._packed.open("rb") as file:
            file.seek(offset)
            while piece := file.read(PIECE_BYTES):
                yield piece

    def _pack(self) -> Descriptor:
        from isal import isal_zlib

        compress = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS)
        plain, packed, size = hashlib.sha256(), hashlib.sha256(), 0
        with self._packed.open("wb") as out:
            for piece in self._pieces_and_end():
                data = compress.flush() if piece is None else compress.compress(piece)
                if piece is not None:
                    plain.update(piece)
                packed.update(data)
                size += len(data)
                out.write(data)
        self._require(f"sha256:{plain.hexdigest()}")
        return self._described(f"sha256:{packed.hexdigest()}", size)

    def _pieces_and_end(self) -> Iterator[bytes | None]:
        yield from self._read(0)
        yield None

    def _digest(self) -> Descriptor:
        packed, plain = hashlib.sha256(), hashlib.sha256()
        size = 0

        def passing() -> Iterator[bytes]:
            nonlocal size
            for piece in self._read(0):
                packed.update(piece)
                size += len(piece)
                yield piece

        try:
            for piece in unpacked(passing()):
                plain.update(piece)
        except UnreadableLayerError as error:
            raise unfit(self._shown, f"a layer is broken ({error})") from error
        self._require(f"sha256:{plain.hexdigest()}")
        return self._described(f"sha256:{packed.hexdigest()}", size)

    def _require(self, found: str) -> None:
        if found != self._diff_id:
            raise unfit(
                self._shown, f"a layer should be {self._diff_id} and is {found}: it was changed"
            )

    def _described(self, digest: str, size: int) -> Descriptor:
        return Descriptor(media_type=self._media_type, digest=digest, size=size)
