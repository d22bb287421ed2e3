"""Compare a code layer that was made without a build with the code layer of a built image."""

from __future__ import annotations

import hashlib
import json
import posixpath
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from astro_ci.image.fast.layer import CodeLayer
from astro_ci.image.fast.old_layer import layer_entries
from astro_ci.image.fast.replace import Replaced
from astro_ci.image.fast.running import (
    BASE_LABEL,
    BUILT_LABEL,
    SECRETS_LABEL,
    TRIGGERS_LABEL,
    RunningImage,
)
from astro_ci.image.stored.layers import UnreadableLayerError, unpacked
from astro_ci.text import excerpt

_OWN_LABELS = frozenset((BASE_LABEL, BUILT_LABEL, SECRETS_LABEL, TRIGGERS_LABEL))
_OF_THE_BUILD = frozenset(("Image", "Hostname", "Domainname"))
"""Keys that the classic builder copies from the last container of the build."""
_PIECE_BYTES = 1 << 20


class Item(Struct, frozen=True):
    """An entry of a layer. A directory's time and a link's mode are not compared."""

    kind: str
    mode: int
    uid: int
    gid: int
    content: str
    """The digest of a file, or the target of a link."""
    mtime: int


def layer_differences(built: RunningImage, layer: CodeLayer) -> list[str]:
    """List the differences of a built image's code layer from `layer`. Raises RegistryError."""
    home = built.home
    theirs = _items(lambda: built.source.read(built.code_layer), home)
    ours = _items(lambda: layer.read(0), home)
    if theirs is None or ours is None:
        return ["the code layer of the built image cannot be read"]
    return list(differing(theirs, ours))


def differing(built: Mapping[str, Item], made: Mapping[str, Item]) -> Iterator[str]:
    """List the differences of two trees, path by path. Pure."""
    for path in sorted({*built, *made}):
        shown = excerpt(path)
        if path not in made:
            yield f"{shown} is only in the built image"
        elif path not in built:
            yield f"{shown} is only in the image with the replaced layer"
        elif built[path] != made[path]:
            fields = Item.__struct_fields__
            names = (one for one in fields if getattr(built[path], one) != getattr(made[path], one))
            yield f"{shown} differs in {', '.join(names)}"


def config_differences(built: RunningImage, made: Replaced) -> list[str]:
    """List the differences of the configs with which containers start. Pure."""
    ours: dict[str, Any] = json.loads(made.config)["config"]
    theirs = built.container
    keys = sorted({*ours, *theirs} - _OF_THE_BUILD)
    pairs = (
        (key, _comparable(key, theirs.get(key)), _comparable(key, ours.get(key))) for key in keys
    )
    return [f"the config differs in {key}" for key, one, other in pairs if one != other]


def _comparable(key: str, value: Any) -> Any:
    if key == "Labels":
        return {name: text for name, text in (value or {}).items() if name not in _OWN_LABELS}
    return value or None


def _items(read: Callable[[], Iterator[bytes]], home: str) -> dict[str, Item] | None:
    try:
        return dict(_read(unpacked(read()), home))
    except (UnreadableLayerError, tarfile.TarError, EOFError, ValueError):
        return None


def _read(pieces: Iterator[bytes], home: str) -> Iterable[tuple[str, Item]]:
    for entry, file in layer_entries(pieces):
        name = posixpath.normpath(entry.name).strip("/")
        if not name.startswith(f"{home}/"):
            continue
        content, mode, mtime = entry.linkname, stat.S_IMODE(entry.mode), int(entry.mtime)
        kind = "directory" if entry.isdir() else "link" if entry.issym() else "file"
        if file:
            digest = hashlib.sha256()
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
            content = digest.hexdigest()
        yield (
            name[len(home) + 1 :],
            Item(
                kind,
                0 if kind == "link" else mode,
                entry.uid,
                entry.gid,
                content,
                0 if kind == "directory" else mtime,
            ),
        )
