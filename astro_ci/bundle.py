"""The DAG bundle: a directory as a deterministic `.tar.gz`, streamed.

The same files give the same bytes: sorted by name, one modification time, no owners, and of the
modes only what git keeps, as two checkouts with different umasks hold the same content.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import tarfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from astro_ci.errors import CommandError, ProjectError
from astro_ci.excludes import VENV_MARKER, is_excluded_name
from astro_ci.text import listed

log = logging.getLogger(__name__)

DAG_SUFFIXES = frozenset({".py", ".zip", ".yaml", ".yml"})
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_POINTER_MAX_BYTES = 1024
_COMPRESSION_LEVEL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file or link that ships."""

    name: str
    """Relative to the DAGs directory, with `/`; bytes that are no UTF-8 as surrogate escapes."""
    source: Path
    link: str | None = None
    """The target as written, when it is a symbolic link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A written bundle."""

    path: Path
    size: int
    md5: bytes
    files: int


def list_members(dags: Path) -> list[Member]:
    """List what ships, sorted by the bytes of the names. Links are listed, never followed.

    Raises ProjectError when the directory, or one below it, cannot be read.
    """
    try:
        members = list(_walk(Path(os.path.realpath(dags)), ""))
    except OSError as error:
        raise ProjectError(
            f"the DAGs directory {dags} cannot be read: {error.strerror}: {error.filename}",
            hint="Check --project and --dags-path, and the permissions of the files.",
        ) from error
    return sorted(members, key=lambda member: os.fsencode(member.name))


def count_dag_files(members: Collection[Member]) -> int:
    """Count the files that Airflow may find DAGs in, or that a DAG factory reads."""
    return sum(PurePosixPath(member.name).suffix.lower() in DAG_SUFFIXES for member in members)


def check_links(members: Collection[Member], dags: Path, *, refuse: bool) -> None:
    """Look for links that will lead nowhere on Astro: absolute, out of the bundle, or dangling.

    With `refuse` (Airflow 3, which rejects such a bundle) they are a ProjectError, else a warning.
    """
    root = os.path.realpath(dags)
    names = {member.name for member in members}
    leaving = [m.name for m in members if m.link is not None and _leaves(m, root, names)]
    if not leaving:
        return
    message = f"links under {dags.name}/ lead out of the bundle or nowhere: {listed(leaving)}"
    if refuse:
        raise ProjectError(
            f"{message}; Airflow 3 refuses such a bundle",
            hint="Replace each link by the files that it points to.",
        )
    log.warning("%s; on Astro they are broken", message)


def check_submodules(dags: Path, submodules: Collection[Path]) -> None:
    """Raise ProjectError for a submodule that ships and was not checked out."""
    real = Path(os.path.realpath(dags))
    empty = [
        path.relative_to(real).as_posix()
        for path in sorted(submodules)
        if path.is_relative_to(real) and not (path.is_dir() and any(path.iterdir()))
    ]
    if empty:
        raise ProjectError(
            f"submodules under {dags.name}/ are empty: {listed(empty)}",
            hint="Check them out before the deploy: `git submodule update --init --recursive`, "
            "`submodules: recursive` on actions/checkout, or GIT_SUBMODULE_STRATEGY: recursive.",
        )


def write_bundle(
    members: Sequence[Member], path: Path, *, mtime: int, prefix: str = "dags"
) -> Bundle:
    """Write the members to a new `.tar.gz`; memory does not grow with their size.

    `mtime` is every member's, in seconds since 1970. An empty `prefix` puts the files at the root.
    Raises ProjectError for a Git LFS pointer or a file that changes under us, CommandError when
    the disk is full.
    """
    try:
        with path.open("wb") as file:
            out = _HashingWriter(file)
            _write_archive(members, out, mtime=mtime, prefix=prefix)
            return Bundle(path=path, size=out.size, md5=out.md5.digest(), files=len(members))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise CommandError(
            f"the DAG bundle could not be written to {path.parent}: {error.strerror}",
            hint="Free some space there, or let TMPDIR name a directory with more of it.",
        ) from error


def _walk(root: Path, below: str) -> Iterator[Member]:
    with os.scandir(root / below) as found:
        entries = list(found)
    if below and any(entry.name == VENV_MARKER for entry in entries):
        return
    for entry in entries:
        name = f"{below}/{entry.name}" if below else entry.name
        if is_excluded_name(entry.name):
            continue
        if entry.is_symlink():
            yield Member(name=name, source=Path(entry.path), link=os.readlink(entry.path))  # noqa: PTH115 - as written
        elif entry.is_dir():
            yield from _walk(root, name)
        elif entry.is_file():
            yield Member(name=name, source=Path(entry.path))
        else:
            log.warning("%s is neither a file nor a link and does not ship", entry.path)


def _leaves(member: Member, root: str, names: Collection[str]) -> bool:
    target = str(member.link)
    written = os.path.normpath(f"{os.path.dirname(member.name)}/{target}".lstrip("/"))  # noqa: PTH120
    if target.startswith("/") or written == ".." or written.startswith("../"):
        return True
    real = os.path.realpath(member.source)
    if real != root and not real.startswith(f"{root}/"):
        return True
    inside = os.path.relpath(real, root)
    ships = inside == "." or inside in names or any(name.startswith(f"{inside}/") for name in names)
    return not ships


def _write_archive(
    members: Sequence[Member], out: _HashingWriter, *, mtime: int, prefix: str
) -> None:
    from isal import igzip

    # GNU rather than PAX: it stores the bytes of a name as they are, whatever they are.
    gz = igzip.IGzipFile("", "wb", _COMPRESSION_LEVEL, fileobj=out, mtime=0)  # type: ignore[no-untyped-call]
    with (
        closing(gz),
        tarfile.open(
            fileobj=gz, mode="w|", format=tarfile.GNU_FORMAT, errors="surrogateescape"
        ) as archive,
    ):
        for directory in _directories(members, prefix):
            archive.addfile(_header(directory, tarfile.DIRTYPE, 0o755, mtime))
        for member in members:
            _add(archive, member, _join(prefix, member.name), mtime)


def _directories(members: Sequence[Member], prefix: str) -> list[str]:
    """Every directory on the way to a member: some readers of archives do not make them."""
    found = {
        parent.as_posix()
        for member in members
        for parent in PurePosixPath(_join(prefix, member.name)).parents
    }
    return sorted(found - {"."}, key=os.fsencode)


def _add(archive: tarfile.TarFile, member: Member, name: str, mtime: int) -> None:
    if member.link is not None:
        header = _header(name, tarfile.SYMTYPE, 0o777, mtime)
        header.linkname = member.link
        archive.addfile(header)
        return
    try:
        file = member.source.open("rb")
    except OSError as error:
        raise ProjectError(
            f"{listed([str(member.source)])} cannot be read: {error.strerror}",
            hint="Check its permissions, and that nothing changes the DAGs during the deploy.",
        ) from error
    with file:
        before = os.fstat(file.fileno())
        if before.st_size < _LFS_POINTER_MAX_BYTES:
            _refuse_pointer(file, member)
        header = _header(name, tarfile.REGTYPE, 0o644, mtime)
        header.size = before.st_size
        header.mode = 0o755 if before.st_mode & stat.S_IXUSR else 0o644
        archive.addfile(header, _Exactly(file, member))  # type: ignore[arg-type]
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(member)


def _refuse_pointer(file: BinaryIO, member: Member) -> None:
    is_pointer = file.read(len(_LFS_POINTER)) == _LFS_POINTER
    file.seek(0)
    if is_pointer:
        raise ProjectError(
            f"{listed([member.name])} is a Git LFS pointer, not the file itself",
            hint="Fetch LFS files before the deploy: `git lfs pull`, `lfs: true` on "
            "actions/checkout, and no GIT_LFS_SKIP_SMUDGE.",
        )


def _header(name: str, kind: bytes, mode: int, mtime: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.mode, header.mtime = kind, mode, mtime
    return header


def _join(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name


def _changed(member: Member) -> ProjectError:
    return ProjectError(
        f"{listed([str(member.source)])} changed while it was packed",
        hint="Let nothing write to the DAGs directory during the deploy.",
    )


class _Exactly:
    """A file for tarfile, which would take one that shrinks for a broken disk."""

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self._file = file
        self._member = member

    def read(self, size: int) -> bytes:
        """Read all of what is asked for, or raise ProjectError."""
        data = self._file.read(size)
        if len(data) < size:
            raise _changed(self._member)
        return data


class _HashingWriter:
    """Counts and digests what passes through."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        # Not for security: Content-MD5 is how the blob store checks what it received.
        self.md5 = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> int:
        """Write all of it."""
        self.size += len(data)
        self.md5.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Flush the file. Called by the compressor."""
        self._file.flush()
