"""Read the entries of a layer as a stream, compressed or not, and only as far as necessary."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, cast

from astro_ci.image.stored.files import BoundedTarInfo

GZIP = b"\x1f\x8b"
_MOST_ENTRIES = 5_000_000


class UnreadableLayerError(Exception):
    """A layer whose files cannot be listed, such as a layer in zstd compression."""


def unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Decompress the pieces of a layer if it is in gzip format. Raises UnreadableLayerError."""
    from isal import isal_zlib

    first = next(pieces, b"")
    if not first.startswith(GZIP):
        yield first
        yield from pieces
        return
    decompress = isal_zlib.decompressobj(16 + isal_zlib.MAX_WBITS)
    for piece in _with(first, pieces):
        rest = piece
        while rest:
            try:
                # With a limit, because a megabyte can decompress to a thousand.
                yield decompress.decompress(rest, 4 << 20)
            except isal_zlib.error as error:  # type: ignore[misc]
                raise UnreadableLayerError(str(error)) from error
            rest = decompress.unconsumed_tail
            if decompress.eof:
                rest = decompress.unused_data
                decompress = isal_zlib.decompressobj(16 + isal_zlib.MAX_WBITS)


def entries(pieces: Iterator[bytes]) -> Iterator[tuple[tarfile.TarInfo, Callable[[int], bytes]]]:
    """List the entries of a layer, each with a function that reads the start of its content.

    Raises UnreadableLayerError.
    """
    reader = cast("IO[bytes]", PieceReader(unpacked(pieces)))
    try:
        with tarfile.open(fileobj=reader, mode="r|", tarinfo=BoundedTarInfo) as archive:
            for number, entry in enumerate(archive):
                if number > _MOST_ENTRIES:
                    raise UnreadableLayerError("it has too many files")
                yield entry, lambda size, entry=entry: _start(archive, entry, size)  # type: ignore[misc]
                archive.members = []  # type: ignore[attr-defined] # it would keep them all
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise UnreadableLayerError(str(error)) from error


def _start(archive: tarfile.TarFile, entry: tarfile.TarInfo, size: int) -> bytes:
    file = archive.extractfile(entry) if entry.isreg() else None
    return file.read(size) if file else b""


def _with(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


class PieceReader:
    """A file object that reads from pieces, for tarfile."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Read `size` bytes, fewer only at the end."""
        found = bytearray(self._take(size))
        while len(found) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest = memoryview(piece)
            found += self._take(size - len(found))
        return bytes(found)

    def close(self) -> None:
        """Discard the rest."""
        with contextlib.suppress(AttributeError):
            cast("IO[bytes]", self._pieces).close()

    def _take(self, size: int) -> memoryview:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
