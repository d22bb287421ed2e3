"""Compare the code layer of the running image with the files of its commit.

The layer is read once, as a stream. This gives the owner of its files, and shows that only the
build put files there.
"""

from __future__ import annotations

import hashlib
import posixpath
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, cast

from msgspec import Struct, field

from astro_ci.errors import AstroCIError
from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.fast.running import RunningImage
from astro_ci.image.fast.tree import GitFile, Tree
from astro_ci.image.registry.content import Content
from astro_ci.image.stored.files import BoundedTarInfo
from astro_ci.image.stored.layers import PieceReader, UnreadableLayerError, unpacked
from astro_ci.text import excerpt, listed

_PIECE_BYTES = 1 << 20
_MOST_ENTRIES = 1_000_000


class Parent(Struct, frozen=True, kw_only=True):
    """A directory above the code, which stays unchanged."""

    name: str
    mode: int
    uid: int
    gid: int
    mtime: int


class OldLayer(Struct, kw_only=True):
    """The facts about the code layer that the new layer needs."""

    parents: list[Parent] = field(default_factory=list)
    owners: set[tuple[int, int]] = field(default_factory=set)
    modes: dict[str, int] = field(default_factory=dict)
    """The modes of the files, by their paths in the project."""
    files: dict[str, GitFile] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)

    @property
    def owner(self) -> tuple[int, int]:
        """The user and the group that own all files."""
        return next(iter(self.owners))

    @property
    def top(self) -> Mapping[str, str]:
        """The entries of the project's directory itself, with their kinds."""
        kinds = {path.partition("/")[0]: "directory" for path in (*self.files, *self.directories)}
        return {**kinds, **{path: one.kind for path, one in self.files.items() if "/" not in path}}


def read_old_layer(image: RunningImage, tree: Tree) -> OldLayer:
    """Read the layer, and compare it with the files of its commit.

    Raises NotFastError for every difference, except for empty directories, which git does not
    store.
    """
    like = next((one.object_id for one in tree.values()), "0" * 40)
    found = _read(image, algorithm="sha1" if len(like) == 40 else "sha256")
    _refuse_other_files(found.files, tree)
    if len(found.owners) != 1:
        raise NotFastError(
            "the files of the running image belong to several users, or there are none"
        )
    return found


def _refuse_other_files(files: Mapping[str, GitFile], tree: Tree) -> None:
    if more := sorted(set(files) - set(tree)):
        raise NotFastError(
            f"the running image has files that its commit does not have: {listed(_shown(more))}"
        )
    if fewer := sorted(set(tree) - set(files)):
        raise NotFastError(
            f"the running image lacks files that its commit has: {listed(_shown(fewer))}"
        )
    if other := sorted(path for path in tree if files[path] != tree[path]):
        raise NotFastError(
            f"files of the running image are not those of its commit: {listed(_shown(other))}"
        )


def _shown(paths: Sequence[str]) -> Sequence[str]:
    return [excerpt(path) for path in paths]


def _read(image: RunningImage, *, algorithm: str) -> OldLayer:
    layer, home = image.code_layer, image.home
    content = Content(layer, lambda at: image.source.read(layer, at), "the code layer")
    plain = hashlib.sha256()
    found = OldLayer()
    above = {home, *_directories_above(home)}
    try:
        pieces = _digesting(unpacked(content.part(0, layer.size)), plain)
        for entry, file in layer_entries(pieces):
            name = posixpath.normpath(entry.name).strip("/")
            if name in above:
                _add_parent(found, name, entry)
            elif name.startswith(f"{home}/"):
                _add(found, name[len(home) + 1 :], entry, file, algorithm)
            elif name != ".":
                raise NotFastError(f"the code layer has files elsewhere: /{excerpt(name)}")
        for _ in pieces:
            pass  # bytes after the end of the archive are part of the digest
    except (UnreadableLayerError, tarfile.TarError, EOFError, ValueError) as error:
        raise NotFastError(f"the code layer cannot be read: {excerpt(str(error))}") from error
    except AstroCIError as error:
        raise NotFastError(f"the code layer could not be read: {error.message}") from error
    if f"sha256:{plain.hexdigest()}" != image.code_diff_id:
        raise NotFastError("the code layer is not the one that the image's config names")
    return found


def _directories_above(home: str) -> list[str]:
    parts = home.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]


def _add_parent(found: OldLayer, name: str, entry: tarfile.TarInfo) -> None:
    if not entry.isdir() or _has_extras(entry):
        raise NotFastError(f"/{excerpt(name)} is not an ordinary directory in the code layer")
    found.parents.append(
        Parent(
            name=name,
            mode=stat.S_IMODE(entry.mode),
            uid=entry.uid,
            gid=entry.gid,
            mtime=int(entry.mtime),
        )
    )


def _add(
    found: OldLayer, path: str, entry: tarfile.TarInfo, file: IO[bytes] | None, algorithm: str
) -> None:
    mode = stat.S_IMODE(entry.mode)
    found.owners.add((entry.uid, entry.gid))
    if _has_extras(entry) or (mode & ~0o777 and not entry.issym()):
        raise NotFastError(
            f"{excerpt(path)} has special permissions or attributes in the running image"
        )
    if path in found.files or path in found.directories:
        raise NotFastError(f"the code layer has {excerpt(path)} twice")
    if entry.isdir():
        found.directories.add(path)
    elif entry.issym():
        target = entry.linkname.encode("utf-8", "surrogateescape")
        found.files[path] = GitFile("link", _blob_id(algorithm, len(target), iter([target])))
    elif entry.isreg() and file:
        pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
        kind = "program" if mode & 0o100 else "file"
        found.files[path] = GitFile(kind, _blob_id(algorithm, entry.size, pieces))
        found.modes[path] = mode
    else:
        raise NotFastError(f"{excerpt(path)} is neither a file, a directory nor a link")


def _has_extras(entry: tarfile.TarInfo) -> bool:
    return any(key.startswith(("SCHILY.xattr.", "LIBARCHIVE.xattr.")) for key in entry.pax_headers)


def _blob_id(algorithm: str, size: int, pieces: Iterator[bytes]) -> str:
    """Return git's object id for these bytes."""
    made = hashlib.new(algorithm, b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        made.update(piece)
    return made.hexdigest()


def layer_entries(pieces: Iterator[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """List the entries of an uncompressed layer, each with its content.

    Raises tarfile.TarError and other errors for an invalid layer.
    """
    reader = cast("IO[bytes]", PieceReader(pieces))
    with tarfile.open(
        fileobj=reader, mode="r|", tarinfo=BoundedTarInfo, errors="surrogateescape"
    ) as archive:
        for number, entry in enumerate(archive):
            if number > _MOST_ENTRIES:
                raise NotFastError("a layer of the image has too many files")
            yield entry, archive.extractfile(entry) if entry.isreg() else None
            archive.members = []  # type: ignore[attr-defined] # it would keep them all


def _digesting(pieces: Iterator[bytes], digest: hashlib._Hash) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece
