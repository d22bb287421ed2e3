"""The build context: the project's files as a tar stream, without what `.dockerignore` excludes.

The checkout is only read. Equal files give equal bytes: entries are sorted, are owned by root and
have the same date, so that a layer of equal files has the same digest in every job.
"""

from __future__ import annotations

import io
import logging
import os
import shutil
import stat
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from msgspec import Struct

from astro_ci.errors import ProjectError
from astro_ci.image.building.spec import LeaveOut, nothing
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.placeholders import START_BYTES, refuse_placeholder

log = logging.getLogger(__name__)

# The first date that zip archives support in every time zone: wheels are built from these files.
FILE_DATE = 315_619_200
_BLOCK = 64 * 1024
_OPEN_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def write_context(
    root: Path,
    out: IO[bytes],
    *,
    ignore: DockerIgnore,
    leave_out: LeaveOut = nothing,
    always: Collection[str] = (),
) -> None:
    """Write the project as a tar to `out`, a stream that need not be seekable.

    Paths for which `leave_out` is true are left out, with everything below them, even if the ignore
    file includes them. The paths in `always`, such as the Dockerfile, are always included. Both get
    paths relative to `root`, with `/`. Raises ProjectError for a file that changes while it is
    read, that cannot be read, or that is a Git LFS pointer; an OSError comes from `out`.
    """
    choice = _Choice(ignore, leave_out, frozenset(always))
    # GNU headers allow any bytes in a name; the other formats allow only UTF-8.
    with tarfile.open(
        fileobj=out,
        mode="w|",
        bufsize=_BLOCK,
        format=tarfile.GNU_FORMAT,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        for path in _walk(root, choice):
            _add(archive, root, path)


def list_context(
    root: Path, *, ignore: DockerIgnore, leave_out: LeaveOut = nothing
) -> Iterator[tuple[str, os.stat_result]]:
    """List all paths of the context, including those of a kind that a tar cannot contain.

    Raises ProjectError.
    """
    for path in _walk(root, _Choice(ignore, leave_out)):
        try:
            yield path, (root / path).lstat()
        except OSError as error:
            raise _unreadable(path, error) from error


def copy_context(
    root: Path, target: Path, *, ignore: DockerIgnore, leave_out: LeaveOut = nothing
) -> None:
    """Copy the files that `write_context` would write into a new directory.

    Raises ProjectError for files that cannot be read or written.
    """
    target.mkdir()
    modes: list[tuple[Path, int]] = []
    for path in _walk(root, _Choice(ignore, leave_out)):
        source, copy = root / path, target / path
        try:
            entry = _entry(source, path, source.lstat())
            if entry is None:
                continue
            if entry.isdir():
                copy.mkdir()
                modes.append((copy, entry.mode))
            elif entry.issym():
                copy.symlink_to(entry.linkname)
            else:
                shutil.copyfile(source, copy, follow_symlinks=False)
                with copy.open("rb") as file:
                    _refuse_stand_in(file, copy.stat().st_size, path)
                copy.chmod(entry.mode)
                os.utime(copy, (FILE_DATE, FILE_DATE))
        except OSError as error:
            raise _unreadable(path, error) from error
    # Only now, and the deepest first: a directory's permissions may forbid new entries.
    for directory, mode in reversed(modes):
        os.utime(directory, (FILE_DATE, FILE_DATE))
        directory.chmod(mode)


class _Choice:
    """The caller's choice of paths to include."""

    def __init__(
        self,
        ignore: DockerIgnore,
        leave_out: LeaveOut,
        always: frozenset[str] = frozenset(),
    ) -> None:
        self.ignore, self.leave_out, self.always = ignore, leave_out, always
        self.towards_always = {
            "/".join(parts[:depth])
            for parts in (path.split("/") for path in always)
            for depth in range(1, len(parts))
        }


class _Directory(Struct):
    """A directory whose entries are being listed."""

    path: str
    entries: Iterator[tuple[str, bool]]
    is_left_out: bool
    is_sent: bool


def _walk(root: Path, choice: _Choice) -> Iterator[str]:
    """List the included paths, sorted, with every directory before its contents.

    An excluded directory is listed nevertheless when a path below it is included. This is not
    recursive, because a checkout may be deeper than Python's stack.
    """
    around = [_Directory("", iter(_entries(root, "", choice)), False, True)]
    while around:
        here = around[-1]
        name, is_directory = next(here.entries, ("", False))
        if not name:
            around.pop()
            continue
        path = f"{here.path}/{name}" if here.path else name
        left_out = here.is_left_out or choice.leave_out(path)
        wanted = path in choice.always or not (left_out or choice.ignore.excludes(path))
        if wanted:
            for directory in around:
                if not directory.is_sent:
                    directory.is_sent = True
                    yield directory.path
            yield path
        if is_directory and (
            wanted
            or path in choice.towards_always
            or (not left_out and choice.ignore.may_include_below(path))
        ):
            entries = iter(_entries(root, path, choice))
            around.append(_Directory(path, entries, left_out, wanted))


def _entries(root: Path, directory: str, choice: _Choice) -> list[tuple[str, bool]]:
    try:
        with os.scandir(root / directory) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    except OSError as error:
        # Without exceptions in the ignore file, an excluded directory is skipped, as Docker does.
        if isinstance(error, PermissionError) and choice.ignore.excludes(directory):
            return []
        raise _unreadable(directory or str(root), error) from error
    return sorted(found, key=lambda entry: os.fsencode(entry[0]))


def _add(archive: tarfile.TarFile, root: Path, path: str) -> None:
    source = root / path
    try:
        entry = _entry(source, path, source.lstat())
        descriptor = os.open(source, _OPEN_FLAGS) if entry and entry.isreg() else None
    except OSError as error:
        raise _unreadable(path, error) from error
    if entry is None:
        log.info("%s is left out of the build context: it is not a file, directory or link", path)
    elif descriptor is None:
        archive.addfile(entry)
    else:
        with os.fdopen(descriptor, "rb") as file:
            opened = os.fstat(descriptor)
            if not stat.S_ISREG(opened.st_mode):
                raise _changed(path, "was replaced")
            entry.size = opened.st_size
            _refuse_stand_in(file, entry.size, path)
            archive.addfile(entry, _Steady(file, path))
            if file.read(1):
                raise _changed(path, "grew")


def _refuse_stand_in(file: IO[bytes], size: int, path: str) -> None:
    otherwise = "; or exclude it in .dockerignore, when the image does not need it"
    refuse_placeholder(path, file.read(START_BYTES), size, otherwise=otherwise)
    file.seek(0)


class _Steady(io.RawIOBase):
    """A file that must not be shorter than the size in its tar header, which is already sent."""

    def __init__(self, file: IO[bytes], path: str) -> None:
        self._file, self._path = file, path

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            raise _unreadable(self._path, error) from error
        if len(data) < size:
            raise _changed(self._path, "shrank")
        return data


def _entry(source: Path, path: str, status: os.stat_result) -> tarfile.TarInfo | None:
    """Make the tar header of a path; None for a kind of file that a context cannot contain."""
    entry = tarfile.TarInfo(path)
    entry.mode = stat.S_IMODE(status.st_mode)
    entry.mtime = FILE_DATE
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        # A Path would normalize the target.
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(source)  # noqa: PTH115
    elif not stat.S_ISREG(status.st_mode):
        return None
    return entry


def _changed(path: str, how: str) -> ProjectError:
    return ProjectError(
        f"{path} {how} while it was read for the build context",
        hint="Make sure that nothing writes to it during the deploy, or exclude it in "
        ".dockerignore.",
    )


def _unreadable(path: str, error: OSError) -> ProjectError:
    return ProjectError(
        f"{path} cannot be read for the build context: {error.strerror}",
        hint="Check the file's permissions, and that nothing changes the project during the build; "
        "exclude files that the image does not need in .dockerignore.",
    )
