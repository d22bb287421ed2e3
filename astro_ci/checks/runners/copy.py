"""Write directories of a checkout to a tar archive for a container, with owners and modes."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from astro_ci.bundle import Member, list_members
from astro_ci.errors import ProjectError
from astro_ci.text import printable


class Owner(NamedTuple):
    """The numeric ids of a user and a group."""

    uid: int
    gid: int


def write_tree(out: IO[bytes], name: str, source: Path, owner: Owner) -> None:
    """Write the files of a directory that ship, or one file, under a name, with git's modes.

    Raises ProjectError when a file cannot be read.
    """
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        if source.is_dir():
            members = list_members(source)
            for directory in _directories(members):
                _add_directory(archive, name + directory, owner)
            for member in members:
                _add(archive, f"{name}/{member.name}", member, owner)
        else:
            _add(archive, name, Member(name, str(source)), owner)


def write_files(out: IO[bytes], directory: str, files: Mapping[str, bytes], owner: Owner) -> None:
    """Write a private directory with these files."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in ["", *sorted({f"/{PurePosixPath(name).parent}" for name in files} - {"/."})]:
            _add_directory(archive, directory + path, owner, mode=0o700)
        for name, content in files.items():
            entry = _entry(f"{directory}/{name}", owner, 0o600)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _directories(members: list[Member]) -> Iterator[str]:
    """Yield every parent directory of the members, outermost first, each as `/NAME`."""
    found = {
        str(parent)
        for member in members
        for parent in PurePosixPath(member.name).parents
        if parent.name
    }
    yield ""
    yield from (f"/{name}" for name in sorted(found))


def _add(archive: tarfile.TarFile, name: str, member: Member, owner: Owner) -> None:
    if member.link is not None:
        entry = _entry(name, owner, 0o777)
        entry.type, entry.linkname = tarfile.SYMTYPE, member.link
        archive.addfile(entry)
        return
    try:
        with open(member.source, "rb", opener=_open_plain) as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise OSError("not a regular file")
            entry = _entry(name, owner, 0o755 if before.st_mode & stat.S_IXUSR else 0o644)
            entry.size = before.st_size
            archive.addfile(entry, file)
    except OSError as error:
        raise ProjectError(
            f"{printable(member.source)} cannot be read: {error.strerror or error}",
            hint="Check the permissions of the file.",
        ) from error


def _open_plain(path: str, flags: int) -> int:
    """Open a regular file; do not follow a link or a pipe that replaced the file since the list."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _add_directory(archive: tarfile.TarFile, name: str, owner: Owner, *, mode: int = 0o755) -> None:
    entry = _entry(name, owner, mode)
    entry.type = tarfile.DIRTYPE
    archive.addfile(entry)


def _entry(name: str, owner: Owner, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.uid, entry.gid, entry.mode = owner.uid, owner.gid, mode
    return entry
