"""Directories of a checkout as a tar archive for a container: whose files they are, and how."""

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
    """Numbers of a user and a group."""

    uid: int
    gid: int


def write_tree(out: IO[bytes], name: str, source: Path, owner: Owner) -> None:
    """Write a directory or a file under a name, with what ships of it, in git's modes.

    Raises ProjectError for what cannot be read.
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
    """Write a private directory that holds these files."""
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in ["", *sorted({f"/{PurePosixPath(name).parent}" for name in files} - {"/."})]:
            _add_directory(archive, directory + path, owner, mode=0o700)
        for name, content in files.items():
            entry = _entry(f"{directory}/{name}", owner, 0o600)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _directories(members: list[Member]) -> Iterator[str]:
    """Every directory on the way to a member, parents first, each with a slash before it."""
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
    """Open what was listed as a file, and not what a link or a pipe put in its place leads to."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _add_directory(archive: tarfile.TarFile, name: str, owner: Owner, *, mode: int = 0o755) -> None:
    entry = _entry(name, owner, mode)
    entry.type = tarfile.DIRTYPE
    archive.addfile(entry)


def _entry(name: str, owner: Owner, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.uid, entry.gid, entry.mode = owner.uid, owner.gid, mode
    return entry
