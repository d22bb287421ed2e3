"""Make the new code layer: the files that a build would copy, as a separate layer.

Equal files in equal directories give equal bytes: the entries are sorted, have the date that builds
give to files, and are compressed without a name or a time.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Protocol, cast

from msgspec import Struct

from astro_ci.image.building.context import write_context
from astro_ci.image.fast.old_layer import OldLayer, Parent
from astro_ci.project.dockerignore import DockerIgnore

_LEVEL = 2
_PIECE_BYTES = 256 << 10


class CodeLayer(Struct, frozen=True, kw_only=True):
    """A layer in a file, compressed."""

    path: Path
    digest: str
    diff_id: str
    """The digest before it was compressed."""
    size: int
    files: int

    def read(self, offset: int) -> Iterator[bytes]:
        """Read the file from an offset on."""
        with self.path.open("rb") as file:
            file.seek(offset)
            while piece := file.read(_PIECE_BYTES):
                yield piece


def make_layer(
    root: Path,
    *,
    ignore: DockerIgnore,
    leave_out: Callable[[str], bool],
    home: str,
    old: OldLayer,
    scratch: Path,
) -> CodeLayer:
    """Make the layer of a project in a file below `scratch`.

    `home` is where the files go in the image, without the first `/`. Raises ProjectError as
    `write_context` does, OSError when there is no space.
    """
    path = scratch / "code-layer.tar.gz"
    with tempfile.TemporaryFile(dir=scratch) as context, path.open("wb") as target:
        write_context(root, context, ignore=ignore, leave_out=leave_out)
        context.seek(0)
        packed = _Packed(target)
        files = _write(context, packed, home, old)
        packed.finish()
    return CodeLayer(
        path=path,
        digest=f"sha256:{packed.packed.hexdigest()}",
        diff_id=f"sha256:{packed.plain.hexdigest()}",
        size=packed.size,
        files=files,
    )


def _write(context: IO[bytes], out: _Packed, home: str, old: OldLayer) -> int:
    """Write the entries of a context below `home`, and count the files."""
    uid, gid = old.owner
    count = 0
    with (
        tarfile.open(
            fileobj=cast("IO[bytes]", out),
            mode="w|",
            format=tarfile.GNU_FORMAT,
            encoding="utf-8",
            errors="surrogateescape",
        ) as layer,
        tarfile.open(
            fileobj=context, mode="r:", encoding="utf-8", errors="surrogateescape"
        ) as files,
    ):
        for parent in sorted(old.parents, key=lambda one: one.name):
            layer.addfile(_directory(parent))
        for entry in files:
            content = files.extractfile(entry) if entry.isreg() else None
            entry.name = f"{home}/{entry.name}"
            entry.uid, entry.gid, entry.uname, entry.gname = uid, gid, "", ""
            layer.addfile(entry, content)
            layer.members = []  # type: ignore[attr-defined] # it would keep them all
            files.members = []  # type: ignore[attr-defined]
            count += not entry.isdir()
    return count


def _directory(parent: Parent) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(parent.name)
    entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, parent.mode, parent.mtime
    entry.uid, entry.gid = parent.uid, parent.gid
    return entry


class _Compressor(Protocol):
    def compress(self, data: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


class _Packed:
    """A file that compresses what is written to it, and digests both forms."""

    def __init__(self, out: IO[bytes]) -> None:
        from isal import isal_zlib

        self.plain, self.packed, self.size = hashlib.sha256(), hashlib.sha256(), 0
        self._out = out
        self._compressor: _Compressor = isal_zlib.compressobj(
            _LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS
        )

    def write(self, data: bytes) -> int:
        self.plain.update(data)
        self._put(self._compressor.compress(data))
        return len(data)

    def finish(self) -> None:
        self._put(self._compressor.flush())

    def _put(self, data: bytes) -> None:
        self.packed.update(data)
        self.size += len(data)
        self._out.write(data)
