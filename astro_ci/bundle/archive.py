"""Write a bundle as a deterministic `.tar.gz`, in a stream."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from astro_ci.bundle.members import Member, directories
from astro_ci.errors import SPACE_HINT, CommandError, ProjectError
from astro_ci.paths import join
from astro_ci.project.placeholders import refuse_placeholder
from astro_ci.text import printable

_COMPRESSION_LEVEL = 2
_CHUNK_BYTES = 256 * 1024


class Bundle(Struct, frozen=True, kw_only=True):
    """A written bundle."""

    path: Path
    size: int
    md5: bytes
    sha256: str
    files: int


def write_bundle(
    members: Sequence[Member], path: Path, *, mtime: int, prefix: str = "dags"
) -> Bundle:
    """Write the members to a new `.tar.gz`, with memory use independent of their size.

    `mtime` is the modification time of every member, in seconds since 1970. An empty `prefix` puts
    the files at the root. Raises ProjectError for a placeholder such as a Git LFS pointer, and for
    a file that cannot be read or changes during the write. Raises CommandError when the bundle
    cannot be written; an incomplete file may then remain at `path`.
    """
    try:
        with path.open("wb") as file:
            out = _HashingWriter(file)
            for data in _compressed(_tar(members, prefix=prefix, mtime=mtime)):
                out.write(data)
    except OSError as error:
        raise CommandError(
            f"the DAG bundle could not be written to {printable(str(path.parent))}: "
            f"{error.strerror}",
            hint=SPACE_HINT
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            else "Set TMPDIR to a directory that this job can write to.",
        ) from error
    return Bundle(
        path=path,
        size=out.size,
        md5=out.md5.digest(),
        sha256=out.sha256.hexdigest(),
        files=len(members),
    )


def _tar(members: Sequence[Member], *, prefix: str, mtime: int) -> Iterator[bytes]:
    """Yield the archive in pieces, which are the same for the same members."""
    # Some archive readers do not create missing parent directories.
    for directory in sorted(directories(members, prefix), key=os.fsencode):
        yield _header(directory, tarfile.DIRTYPE, 0o755, mtime)
    for member in members:
        name = join(prefix, member.name)
        if member.link is not None:
            yield _header(name, tarfile.SYMTYPE, 0o777, mtime, link=member.link)
        else:
            yield from _tar_file(member, name, mtime)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _tar_file(member: Member, name: str, mtime: int) -> Iterator[bytes]:
    """Yield a header, and exactly the number of bytes in the header."""
    try:
        with open(member.source, "rb", opener=_open_plain) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise _changed(member)
            mode = 0o755 if before.st_mode & stat.S_IXUSR else 0o644
            yield _header(name, tarfile.REGTYPE, mode, mtime, size=before.st_size)
            yield from _contents(file, before.st_size, member)
            yield bytes(-before.st_size % tarfile.BLOCKSIZE)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise ProjectError(
            f"{printable(member.source)} cannot be read: {error.strerror}",
            hint="Check the file's permissions, and that nothing changes the DAGs during the "
            "deploy.",
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(member)


def _contents(file: BinaryIO, size: int, member: Member) -> Iterator[bytes]:
    left = size
    while left:
        data = file.read(min(left, _CHUNK_BYTES))
        if not data:
            raise _changed(member)
        if left == size:
            refuse_placeholder(member.source, data, size)
        left -= len(data)
        yield data


def _open_plain(path: str, flags: int) -> int:
    """Open the listed file, and refuse a link or a pipe that has replaced it."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _header(
    name: str, kind: bytes, mode: int, mtime: int, *, size: int = 0, link: str = ""
) -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.mode, header.mtime = kind, mode, mtime
    header.size, header.linkname = size, link
    # GNU rather than PAX, because GNU stores the bytes of any name unchanged.
    return header.tobuf(tarfile.GNU_FORMAT, sys.getfilesystemencoding(), "surrogateescape")


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # Not IGzipFile, whose buffering, and therefore output, depends on the Python version.
    from isal import isal_zlib

    gzip = isal_zlib.compressobj(
        _COMPRESSION_LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS
    )  # 16: a gzip header without a time and a name
    for piece in pieces:
        yield gzip.compress(piece)
    yield gzip.flush()


def _changed(member: Member) -> ProjectError:
    return ProjectError(
        f"{printable(member.source)} changed while it was packed",
        hint="Make sure that nothing writes to the DAGs directory during the deploy.",
    )


class _HashingWriter:
    """Writes to a file, and counts and digests the bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        # Not for security: the blob store checks the upload against Content-MD5.
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Write all bytes of `data`."""
        self.size += len(data)
        self.md5.update(data)
        self.sha256.update(data)
        self._file.write(data)
