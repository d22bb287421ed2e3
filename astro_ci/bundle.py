"""The DAG bundle: a directory as a deterministic `.tar.gz`, streamed.

The same files give the same bytes: sorted by name, one modification time, no owners, and of the
modes only what git keeps, as two checkouts with different umasks hold the same content. Empty
directories do not ship, since git does not keep them; hard links ship as the files they are.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
import sys
import tarfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from astro_ci.errors import CommandError, ProjectError
from astro_ci.excludes import VENV_MARKER, is_excluded_name
from astro_ci.text import listed, printable

log = logging.getLogger(__name__)

DAG_SUFFIXES = (".py", ".zip", ".yaml", ".yml")
_NO_MORE = tuple(f"/{suffix}" for suffix in DAG_SUFFIXES)  # a name that is all suffix has none
_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_LFS_POINTER_MAX_BYTES = 1024
_COMPRESSION_LEVEL = 2
_CHUNK_BYTES = 256 * 1024
_MAX_LINKS = 40  # as many as Linux follows before it calls them a loop


class Member(NamedTuple):
    """A file or link that ships. There may be many."""

    name: str
    """Relative to the DAGs directory, with `/`; bytes that are no UTF-8 as surrogate escapes."""
    source: str
    """Its path."""
    link: str | None = None
    """The target as written, when it is a symbolic link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A written bundle."""

    path: Path
    size: int
    md5: bytes
    sha256: str
    files: int


def list_members(dags: Path) -> list[Member]:
    """List what ships, sorted by the bytes of the names. Links are listed, never followed.

    Raises ProjectError when the directory, or one below it, cannot be read.
    """
    try:
        members = list(_walk(Path(os.path.realpath(dags))))
    except OSError as error:
        where = printable(os.fsdecode(error.filename or ""))
        raise ProjectError(
            f"the DAGs directory {printable(str(dags))} cannot be read: {error.strerror}: {where}",
            hint="Check --project and --dags-path, and the permissions of the files.",
        ) from error
    return sorted(members, key=lambda member: os.fsencode(member.name))


def has_dag_suffix(name: str) -> bool:
    """Whether Airflow may find DAGs in a file, or a DAG factory reads it, by its name."""
    name = f"/{name}".lower()
    return name.endswith(DAG_SUFFIXES) and not name.endswith(_NO_MORE)


def check_links(
    members: Collection[Member], dags: Path, *, refuse: bool, prefix: str = "dags"
) -> None:
    """Look for links that will lead nowhere on Astro: absolute, out of the bundle, or dangling.

    A link is followed through what ships, not through this disk: what lies behind an excluded
    directory is not there. With `refuse` (Airflow 3, which rejects such a bundle) they are a
    ProjectError, else a warning.
    """
    shipped = _Shipped(members, prefix)
    links = {member: shipped.resolve(member) for member in members if member.link is not None}
    broken = [f"{m.name} -> {m.link}" for m, target in links.items() if target is None]
    twice = [f"{m.name} -> {m.link}" for m, target in links.items() if shipped.is_directory(target)]
    if twice:
        log.warning(
            "links under %s/ lead to directories that ship too: %s; Airflow stops at a directory "
            "that it meets twice, unless .airflowignore names one of the two",
            printable(dags.name),
            listed(twice),
        )
    if not broken:
        return
    message = (
        f"links under {printable(dags.name)}/ lead out of the bundle or nowhere: {listed(broken)}"
    )
    if refuse:
        raise ProjectError(
            f"{message}; Airflow 3 refuses such a bundle",
            hint="Replace each link by the files that it points to.",
        )
    log.warning("%s; on Astro they are broken unless the image holds what they name", message)


def write_bundle(
    members: Sequence[Member], path: Path, *, mtime: int, prefix: str = "dags"
) -> Bundle:
    """Write the members to a new `.tar.gz`; memory does not grow with their size.

    `mtime` is every member's, in seconds since 1970. An empty `prefix` puts the files at the root.
    Raises ProjectError for a Git LFS pointer and for a file that cannot be read or changes
    meanwhile, CommandError when the bundle cannot be written; a part of it may be left at `path`.
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
            hint="Free some space there, or let TMPDIR name a directory with more of it."
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            else "Let TMPDIR name a directory that this job may write to.",
        ) from error
    return Bundle(
        path=path,
        size=out.size,
        md5=out.md5.digest(),
        sha256=out.sha256.hexdigest(),
        files=len(members),
    )


def _walk(root: Path) -> Iterator[Member]:
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(root / below) as found:
            entries = list(found)
        if below and any(entry.name == VENV_MARKER for entry in entries):
            continue
        for entry in entries:
            name = f"{below}/{entry.name}" if below else entry.name
            if is_excluded_name(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                yield Member(name, entry.path)
            elif entry.is_symlink():
                target = os.readlink(entry.path)  # noqa: PTH115 - a Path would tidy it up
                yield Member(name, entry.path, target)
            elif entry.is_dir():
                pending.append(name)
            else:
                log.warning(
                    "%s is neither a file nor a link and does not ship", printable(entry.path)
                )


class _Shipped:
    """The tree that the unpacked bundle will be, in which a link leads somewhere or nowhere."""

    def __init__(self, members: Collection[Member], prefix: str) -> None:
        self._prefix = prefix
        self._links = {_join(prefix, m.name): m.link for m in members if m.link is not None}
        self._files = {_join(prefix, m.name) for m in members if m.link is None}
        self._directories = _directories(members, prefix)

    def is_directory(self, path: str | None) -> bool:
        """Whether a path that was resolved is a directory; the root, `""`, is one."""
        return path == "" or path in self._directories

    def resolve(self, member: Member) -> str | None:
        """Follow a link, and the links on its way, to what ships; None when that is nothing."""
        here: list[str] = []
        ahead = _join(self._prefix, member.name).split("/")[::-1]
        links_left = _MAX_LINKS
        while ahead:
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not here:
                    return None
                here.pop()
                continue
            path = "/".join([*here, part])
            if path in self._files:
                return None if ahead else path
            if path in self._directories:
                here.append(part)
                continue
            target = self._links.get(path, "/")
            links_left -= 1
            if target.startswith("/") or not links_left:
                return None
            ahead.extend(target.split("/")[::-1])
        found = "/".join(here)
        return found if _is_under(found, self._prefix) else None


def _is_under(path: str, directory: str) -> bool:
    return not directory or path == directory or path.startswith(f"{directory}/")


def _directories(members: Collection[Member], prefix: str) -> frozenset[str]:
    """Every directory on the way to a member, and the prefix even when there is none."""
    found = {""}
    for path in (f"{prefix}/", *(_join(prefix, member.name) for member in members)):
        parent = path.rpartition("/")[0]
        while parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return frozenset(found - {""})


def _tar(members: Sequence[Member], *, prefix: str, mtime: int) -> Iterator[bytes]:
    """Make the archive, piece by piece. The pieces are the same whenever the members are."""
    # Some readers of archives do not make the directories that they need.
    for directory in sorted(_directories(members, prefix), key=os.fsencode):
        yield _header(directory, tarfile.DIRTYPE, 0o755, mtime)
    for member in members:
        name = _join(prefix, member.name)
        if member.link is not None:
            yield _header(name, tarfile.SYMTYPE, 0o777, mtime, link=member.link)
        else:
            yield from _tar_file(member, name, mtime)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _tar_file(member: Member, name: str, mtime: int) -> Iterator[bytes]:
    """Make a header and exactly as many bytes as it announces."""
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
            hint="Check its permissions, and that nothing changes the DAGs during the deploy.",
        ) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise _changed(member)


def _contents(file: BinaryIO, size: int, member: Member) -> Iterator[bytes]:
    left = size
    while left:
        data = file.read(min(left, _CHUNK_BYTES))
        if not data:
            raise _changed(member)
        if size < _LFS_POINTER_MAX_BYTES and data.startswith(_LFS_POINTER):
            raise ProjectError(
                f"{printable(member.source)} is a Git LFS pointer, not the file itself",
                hint="Fetch LFS files before the deploy: `git lfs pull`, `lfs: true` on "
                "actions/checkout, and no GIT_LFS_SKIP_SMUDGE.",
            )
        left -= len(data)
        yield data


def _open_plain(path: str, flags: int) -> int:
    """Open what was listed as a file, and not what a link or a pipe put in its place leads to."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _header(
    name: str, kind: bytes, mode: int, mtime: int, *, size: int = 0, link: str = ""
) -> bytes:
    header = tarfile.TarInfo(name)
    header.type, header.mode, header.mtime = kind, mode, mtime
    header.size, header.linkname = size, link
    # GNU rather than PAX: it stores the bytes of a name as they are, whatever they are.
    return header.tobuf(tarfile.GNU_FORMAT, sys.getfilesystemencoding(), "surrogateescape")


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    # Not IGzipFile: how it cuts its input, and so what it writes, depends on Python's version.
    from isal import isal_zlib

    gzip = isal_zlib.compressobj(
        _COMPRESSION_LEVEL, isal_zlib.DEFLATED, 16 + isal_zlib.MAX_WBITS
    )  # 16: a gzip header, which holds neither a time nor a name
    for piece in pieces:
        yield gzip.compress(piece)
    yield gzip.flush()


def _join(prefix: str, name: str) -> str:
    return f"{prefix}/{name}" if prefix else name


def _changed(member: Member) -> ProjectError:
    return ProjectError(
        f"{printable(member.source)} changed while it was packed",
        hint="Let nothing write to the DAGs directory during the deploy.",
    )


class _HashingWriter:
    """Counts and digests what passes through."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        # Not for security: Content-MD5 is how the blob store checks what it received.
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> None:
        """Write all of it."""
        self.size += len(data)
        self.md5.update(data)
        self.sha256.update(data)
        self._file.write(data)
