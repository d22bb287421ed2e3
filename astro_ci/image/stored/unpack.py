"""Unpack a compressed archive, because files in the middle of it cannot be read directly."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol

_PIECE = 1 << 20
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_LONGEST = max(map(len, _MAGIC))


class BrokenArchiveError(Exception):
    """An archive that cannot be unpacked; the text ends the sentence "it cannot be used: ..."."""

    hint: str = ""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the interface of the other decompressors."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max(max_length, 0))


def compression_of(file: IO[bytes]) -> str | None:
    """Find a file's compression by its first bytes; None without. The position stays at 0."""
    start = file.read(_LONGEST)
    file.seek(0)
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)


def unpack(file: IO[bytes], kind: str, target: Path) -> None:
    """Write the uncompressed content of a file to `target`, in constant memory.

    Raises BrokenArchiveError; OSError when `target` cannot be written.
    """
    make = _decompressor(kind)
    with target.open("wb") as out:
        for piece in _pieces(file, make):
            out.write(piece)


def _decompressor(kind: str) -> Callable[[], _Decompressor]:
    import bz2

    known: dict[str, Callable[[], _Decompressor]] = {
        "gzip": _Gzip,
        "bzip2": bz2.BZ2Decompressor,
        "xz": lzma.LZMADecompressor,
    }
    if kind not in known:
        error = BrokenArchiveError(f"it is compressed with {kind}, which is not supported")
        error.hint = f"Unpack it before the deploy, with `{kind} -d`."
        raise error
    return known[kind]


def _pieces(file: IO[bytes], make: Callable[[], _Decompressor]) -> Iterator[bytes]:
    inner, data = make(), file.read(_PIECE)
    try:
        while data or not (inner.eof or inner.needs_input):
            yield inner.decompress(data, _PIECE)
            data = b""
            if inner.eof:
                rest = inner.unused_data.lstrip(b"\0") or file.read(_PIECE)
                if not rest:
                    return
                inner, data = make(), rest
            elif inner.needs_input:
                data = file.read(_PIECE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise BrokenArchiveError(f"it cannot be unpacked ({error})") from error
    if not inner.eof:
        raise BrokenArchiveError("it is cut off")
