"""Read the files of an image archive or of an image directory by their names.

Nothing is unpacked. Each name is looked up in a list, so a name cannot lead out of the archive.
"""

from __future__ import annotations

import math
import os
import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NoReturn, Protocol

from astro_ci.errors import ProjectError
from astro_ci.image.stored.unpack import BrokenArchiveError, compression_of, unpack
from astro_ci.project.files import opened_named_file, remedy
from astro_ci.text import Regex, excerpt

PIECE_BYTES = 256 << 10
_MOST_MEMBERS = 20_000
_MOST_HEADER_BYTES = 1 << 20
_MOST_HEADERS = 16
"""How many extension headers a file may have; writers use three at most."""
_MOST_LINKS = 8
_INSIDE = Regex(r"oci-layout|index\.json|blobs/sha(?:256|512)/[0-9a-f]{64,128}")
HINT = (
    "Write it again, with `docker save IMAGE -o FILE` or `docker buildx build --output "
    "type=oci,dest=FILE`, and check that the file arrived whole."
)


class Files(Protocol):
    """Files by their names."""

    @property
    def shown(self) -> str:
        """The archive or directory, for messages."""

    def size(self, name: str) -> int | None:
        """Return the size of a file; None when there is no such file. Raises ProjectError."""

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """Read a file from an offset on. Raises ProjectError."""


def unfit(shown: str, why: str, hint: str = HINT) -> ProjectError:
    """Make the error for an archive that cannot be deployed."""
    return ProjectError(f"the image archive {shown} cannot be used: {why}", hint=hint)


def read_small(files: Files, name: str, most_bytes: int) -> bytes | None:
    """Read a whole file; None when there is no such file. Raises ProjectError for a long file."""
    size = files.size(name)
    if size is None:
        return None
    if size > most_bytes:
        raise unfit(files.shown, f"{excerpt(name)} has {size} bytes, more than {most_bytes}")
    return b"".join(files.read(name))


def open_files(path: Path, scratch: Path) -> Files:
    """Open an archive or a directory; a compressed archive is unpacked into `scratch`.

    Raises ProjectError, and OSError when there is no space in `scratch`.
    """
    shown = excerpt(str(path))
    target = path
    try:
        if path.is_dir():
            return DirectoryFiles(path)
        with opened_named_file(path) as file:
            kind = compression_of(file)
            if kind:
                target = scratch / "archive.tar"
    except OSError as error:
        _unreadable(shown, error)
    if kind:
        try:
            with opened_named_file(path) as file:
                unpack(file, kind, target)
        except BrokenArchiveError as error:
            raise unfit(shown, str(error), error.hint or HINT) from error
    return TarFiles(target, shown)


class DirectoryFiles:
    """A directory in the OCI image layout."""

    def __init__(self, path: Path) -> None:
        self.shown = excerpt(str(path))
        self._path = path
        try:
            is_readable = any(one.name == "index.json" for one in path.iterdir())
        except OSError as error:
            _unreadable(self.shown, error)
        if not is_readable:
            raise unfit(
                self.shown,
                "it is a directory without an index.json, so it is not an OCI image layout",
            )

    def size(self, name: str) -> int | None:
        """See Files."""
        if not _INSIDE.fullmatch(name):
            return None
        try:
            with opened_named_file(self._path / name) as file:
                return os.fstat(file.fileno()).st_size
        except FileNotFoundError:
            return None
        except OSError as error:
            _unreadable(f"{self.shown}/{name}", error)

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """See Files."""
        try:
            with opened_named_file(self._path / name) as file:
                file.seek(offset)
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except OSError as error:
            _unreadable(f"{self.shown}/{name}", error)


class TarFiles:
    """An uncompressed tar archive. Only files that were listed at the start can be read."""

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        with self._opened() as file:
            self._stamp = _stamp(file)
            self._list(file)

    def size(self, name: str) -> int | None:
        """See Files."""
        place = self._place(name)
        return place[1] if place else None

    def read(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """See Files."""
        place = self._place(name)
        if place is None:
            raise unfit(self.shown, f"it lacks {excerpt(name)}")
        with self._opened() as file:
            if _stamp(file) != self._stamp:
                raise unfit(
                    self.shown,
                    "it changed while it was read",
                    "Make sure that nothing writes to the archive during the deploy.",
                )
            file.seek(place[0] + offset)
            left = place[1] - offset
            while left > 0 and (piece := file.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece

    def _place(self, name: str) -> tuple[int, int] | None:
        for _ in range(_MOST_LINKS):
            if name in self._places:
                return self._places[name]
            if name not in self._links:
                return None
            name = self._links[name]
        return None

    def _list(self, file: IO[bytes]) -> None:
        end = os.fstat(file.fileno()).st_size
        try:
            with tarfile.open(fileobj=file, mode="r:", tarinfo=BoundedTarInfo) as archive:
                for number, entry in enumerate(archive):
                    if number >= _MOST_MEMBERS:
                        raise unfit(self.shown, f"it has more than {_MOST_MEMBERS} files")
                    if entry.offset_data + entry.size > end and entry.isreg():
                        raise unfit(self.shown, "it is cut off")
                    self._add(entry)
                    archive.members = []  # type: ignore[attr-defined] # it would keep them all
        except (tarfile.TarError, EOFError, ValueError) as error:
            told = str(error)
            is_short = "unexpected end" in told or "truncated" in told
            why = "it is cut off" if is_short else f"it is not a tar archive ({excerpt(told)})"
            raise unfit(self.shown, why) from error

    def _add(self, entry: tarfile.TarInfo) -> None:
        name = posixpath.normpath(entry.name)
        if entry.isdir():
            return
        if name in self._places or name in self._links:
            raise unfit(self.shown, f"it holds {excerpt(name)} twice")
        if entry.issym():  # old versions of docker wrote a link for a layer that two images share
            target = posixpath.join(posixpath.dirname(name), entry.linkname)
            self._links[name] = posixpath.normpath(target)
        elif entry.islnk():
            self._links[name] = posixpath.normpath(entry.linkname)
        elif entry.isreg() and not entry.issparse():
            self._places[name] = (entry.offset_data, entry.size)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with opened_named_file(self._path) as file:
                yield file
        except OSError as error:
            _unreadable(self.shown, error)


class BoundedTarInfo(tarfile.TarInfo):
    """A tar header that refuses extension headers which take too much memory or stack.

    tarfile reads an extension header into memory, and calls itself for the header after it.
    """

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        depth = getattr(tar, "extension_headers", 0) + 1 if self._is_extension else 0
        tar.extension_headers = depth  # type: ignore[attr-defined]
        if depth and self.size > _MOST_HEADER_BYTES:
            raise tarfile.ReadError("a header is too long")
        if depth > _MOST_HEADERS:
            raise tarfile.ReadError("a file has too many headers")
        found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        if not math.isfinite(found.mtime):
            raise tarfile.ReadError("a file has a time that is no number")
        return found

    @property
    def _is_extension(self) -> bool:
        return self.type in (
            tarfile.XHDTYPE,
            tarfile.XGLTYPE,
            tarfile.SOLARIS_XHDTYPE,
            tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )


def _stamp(file: IO[bytes]) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _unreadable(shown: str, error: OSError) -> NoReturn:
    raise ProjectError(
        f"the image archive {shown} cannot be read: {error.strerror or error}", hint=remedy(error)
    ) from error
