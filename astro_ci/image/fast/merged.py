"""The tree of files that layers make together, as containers see it. Pure.

Source: the layer specification of the OCI image format: `.wh.NAME` deletes NAME of the layers
below, `.wh..wh..opq` deletes what they have in its directory.
"""

from __future__ import annotations

import hashlib
import posixpath
import stat
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import IO

from msgspec import Struct, field

from astro_ci.image.fast.old_layer import layer_entries
from astro_ci.image.stored.layers import UnreadableLayerError, unpacked

Layer = Callable[[], Iterator[bytes]]
"""Reads a layer, which may be compressed, from its start."""
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"
_XATTRS = ("SCHILY.xattr.", "LIBARCHIVE.xattr.")
_PIECE_BYTES = 1 << 20
_LONGEST_PATH = 4096
"""The limit of Linux, so that no engine unpacks a longer path."""
_ROOT = ""


class Item(Struct, frozen=True):
    """A path of an image. A link's mode and a directory's time are not compared."""

    kind: str
    mode: int
    uid: int
    gid: int
    content: str
    """The digest of a file, the target of a link, or the numbers of a device."""
    mtime: int
    """The time of a file of the project; other files have the time of the build."""
    attributes: tuple[tuple[str, str], ...] = ()


class Merged(Struct, kw_only=True):
    """The files of some layers of an image, and the files of lower layers that they delete."""

    items: dict[str, Item] = field(default_factory=dict)
    """The files by their paths, without the first `/`."""
    gone: set[str] = field(default_factory=set)
    """The deleted paths; everything below them is deleted too."""
    emptied: set[str] = field(default_factory=set)
    """The directories whose earlier contents are deleted."""


def merge(layers: Sequence[Layer], home: str) -> Merged:
    """Merge layers, from the lowest to the top.

    `home` is the project's directory, without the first `/`. Raises UnreadableLayerError,
    tarfile.TarError, EOFError and ValueError for an invalid layer.
    """
    found = Merged()
    for layer in layers:
        _put_on(found, _read(layer, home, found.items))
    return found


def put_on(below: Mapping[str, Item], top: Merged) -> Mapping[str, Item]:
    """Merge a complete tree with the layers above it."""
    whole = Merged(items=dict(below))
    _put_on(whole, top)
    return whole.items


def _put_on(below: Merged, top: Merged) -> None:
    """Apply the changes of `top` to the layers below, and keep the deletions of `top`."""
    solid = {path for path, item in top.items.items() if item.kind != "directory"}
    was_solid = {
        path
        for path, item in top.items.items()
        if item.kind == "directory" and below.items.get(path, item).kind != "directory"
    }
    covering = solid | top.emptied | top.gone
    below.items = {
        path: item
        for path, item in below.items.items()
        if path not in top.gone and not _is_below(path, covering)
    }
    below.items |= top.items
    below.gone |= top.gone
    below.emptied |= top.emptied | was_solid


def _is_below(path: str, directories: Collection[str]) -> bool:
    while path:
        path = path.rpartition("/")[0]
        if path in directories:
            return True
    return False


def _read(layer: Layer, home: str, below: Mapping[str, Item]) -> Merged:
    """Read a layer. `below` has the possible targets of hard links."""
    found = Merged()
    pieces = unpacked(layer())
    for entry, file in layer_entries(pieces):
        if len(entry.name) > _LONGEST_PATH:  # each directory above a path is looked up
            raise UnreadableLayerError("a path is too long")
        path = posixpath.normpath(f"/{entry.name}").lstrip("/")
        parent, _, name = path.rpartition("/")
        if name == _OPAQUE:
            found.emptied.add(parent)
        elif name.startswith(_WHITEOUT):
            found.gone.add(posixpath.join(parent, name.removeprefix(_WHITEOUT)))
        elif entry.islnk():
            target = posixpath.normpath(f"/{entry.linkname}").lstrip("/")
            found.items[path] = (
                found.items.get(target) or below.get(target) or _item(entry, None, is_timed=False)
            )
        elif path != _ROOT:
            is_timed = entry.isreg() and path.startswith(f"{home}/")
            found.items[path] = _item(entry, file, is_timed=is_timed)
    for _ in pieces:
        pass  # bytes after the end of the archive are part of the digest
    return found


def _item(entry: tarfile.TarInfo, file: IO[bytes] | None, *, is_timed: bool) -> Item:
    return Item(
        kind=_kind(entry),
        mode=0 if entry.issym() else stat.S_IMODE(entry.mode),
        uid=entry.uid,
        gid=entry.gid,
        content=_content(entry, file),
        mtime=int(entry.mtime) if is_timed else 0,
        attributes=tuple(
            sorted(pair for pair in entry.pax_headers.items() if pair[0].startswith(_XATTRS))
        ),
    )


def _kind(entry: tarfile.TarInfo) -> str:
    kinds = (
        ("directory", entry.isdir()),
        ("link", entry.issym()),
        ("hard link", entry.islnk()),
        ("pipe", entry.isfifo()),
        ("device", entry.isdev()),
    )
    return next((kind for kind, is_one in kinds if is_one), "file")


def _content(entry: tarfile.TarInfo, file: IO[bytes] | None) -> str:
    if file is None:
        is_device = entry.ischr() or entry.isblk()
        return f"{entry.devmajor}:{entry.devminor}" if is_device else entry.linkname
    digest = hashlib.sha256()
    while piece := file.read(_PIECE_BYTES):
        digest.update(piece)
    return digest.hexdigest()
