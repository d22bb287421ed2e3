"""An image in a file or a directory: the format of `docker save`, and the OCI image layout.

Source: the OCI Image Specification, version 1.1, "Image Layout"; the manifest.json of Docker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from astro_ci.errors import ProjectError, RegistryError
from astro_ci.image.registry.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    MAX_CONFIG_BYTES,
    MAX_MANIFEST_BYTES,
    Descriptor,
    Index,
    Manifest,
    digest_of,
    is_digest,
    read_manifest,
)
from astro_ci.image.registry.send import Blob
from astro_ci.image.stored.config import read_config
from astro_ci.image.stored.files import Files, read_small, unfit
from astro_ci.image.stored.packing import PackedLayer
from astro_ci.text import excerpt, listed

_LAYOUT, _INDEX, _SAVED = "oci-layout", "index.json", "manifest.json"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_PLAIN = {
    "application/vnd.oci.image.layer.v1.tar": "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar": _DOCKER_LAYER,
}
_NAME = "org.opencontainers.image.ref.name"
_FULL_NAME = "io.containerd.image.name"
_KIND = "vnd.docker.reference.type"
_MOST_NESTED = 3
_ONE_HINT = (
    "Save only the image to deploy: `docker save IMAGE -o FILE`, or name one image in the "
    "OCI layout."
)


class ArchivedImage(Struct, kw_only=True):
    """The only image of an archive. An `Image` that can be pushed to a registry."""

    what: str
    config: bytes
    layers: list[Blob]
    """The layers in their order; a layer that the image has twice is there twice."""
    template: dict[str, Any]
    """The manifest, whose config and layers get replaced."""
    media_type: str
    raw: bytes | None = None
    """The original manifest, if no layer had to be compressed."""
    host: str = ""
    repository: str = ""

    @property
    def blobs(self) -> Sequence[Blob]:
        """See registry.send.Image."""
        unique = {id(layer): layer for layer in self.layers}
        return (*unique.values(), self._config_blob())

    def manifest(self) -> Manifest:
        """See registry.send.Image."""
        raw = self.raw
        if raw is None:
            document = dict(self.template)
            described = [layer.describe() for layer in self.layers]
            known = self.template.get("layers") or [{}] * len(described)
            document["layers"] = [
                {**old, "mediaType": one.media_type, "size": one.size, "digest": one.digest}
                for old, one in zip(known, described, strict=True)
            ]
            raw = json.dumps(document).encode()
        found = read_manifest(raw, self.media_type, self.what)
        assert isinstance(found, Manifest)  # noqa: S101 - the template is the one of an image
        return found

    @property
    def lookers(self) -> Sequence[Callable[[], Iterator[bytes]]]:
        """Return readers of the image's layers, from the lowest to the top."""
        return [layer.look for layer in self.layers]

    def _config_blob(self) -> Blob:
        descriptor = Descriptor(media_type="", digest=digest_of(self.config), size=len(self.config))
        return Blob(
            size=len(self.config),
            describe=lambda: descriptor,
            read=lambda offset: iter([self.config[offset:]]),
            look=lambda: iter([self.config]),
        )


def read_archive(files: Files, scratch: Path) -> ArchivedImage:
    """Find the image of an archive; `scratch` is the directory for layers that get compressed.

    Raises ProjectError unless there is exactly one image for linux/amd64.
    """
    try:
        if files.size(_LAYOUT) is not None and files.size(_INDEX) is not None:
            return _from_layout(files, scratch)
        if (raw := read_small(files, _SAVED, MAX_MANIFEST_BYTES)) is not None:
            return _from_saved(files, raw, scratch)
    except RegistryError as error:  # raised for a bad manifest, here of an archive
        raise ProjectError(error.message, hint=error.hint) from error
    raise unfit(
        files.shown,
        "it has neither the manifest.json of `docker save` nor the index.json of an OCI layout",
    )


def is_saved(files: Files) -> bool:
    """Whether `docker load` accepts the archive."""
    return files.size(_SAVED) is not None


# --- docker save ----------------------------------------------------------------------------------


class _Saved(Struct, rename="pascal"):
    config: str
    layers: list[str]
    repo_tags: list[str] | None = None


def _from_saved(files: Files, raw: bytes, scratch: Path) -> ArchivedImage:
    try:
        images = msgspec.json.decode(raw, type=list[_Saved])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unfit(
            files.shown, f"its manifest.json cannot be read ({excerpt(str(error))})"
        ) from error
    if len(images) != 1:
        names = [tag for image in images for tag in image.repo_tags or ["one without a name"]]
        raise _several(files, names)
    image = images[0]
    config = read_small(files, image.config, MAX_CONFIG_BYTES)
    if config is None:
        raise unfit(files.shown, "it lacks the image's configuration")
    for name in image.layers:
        if files.size(name) is None:
            raise unfit(files.shown, f"it lacks {excerpt(name)}, a layer of the image")
    diff_ids = read_config(config, files.shown).rootfs.diff_ids
    if len(diff_ids) != len(image.layers) or not all(map(is_digest, diff_ids)):
        raise unfit(
            files.shown,
            f"its image has {len(image.layers)} layers and digests of {len(diff_ids)}",
        )
    layers = {
        diff_id: _packed(files, name, diff_id, _DOCKER_LAYER, scratch)
        for name, diff_id in zip(image.layers, diff_ids, strict=True)
    }
    return ArchivedImage(
        what=files.shown,
        config=config,
        layers=[layers[diff_id] for diff_id in diff_ids],
        template={
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": {
                "mediaType": DOCKER_CONFIG,
                "size": len(config),
                "digest": digest_of(config),
            },
        },
        media_type=DOCKER_MANIFEST,
    )


def _packed(files: Files, name: str, diff_id: str, media_type: str, scratch: Path) -> Blob:
    size = files.size(name)
    if size is None:
        raise unfit(files.shown, f"it lacks {excerpt(name)}, a layer of the image")
    layer = PackedLayer(
        files.shown,
        partial(files.read, name),
        size=size,
        diff_id=diff_id,
        media_type=media_type,
        scratch=scratch,
    )
    return Blob(size=size, describe=layer.describe, read=layer.read, look=partial(files.read, name))


# --- OCI layout -----------------------------------------------------------------------------------


class _Entry(Struct, rename="camel"):
    digest: str
    media_type: str = ""
    annotations: dict[str, str] | None = None
    platform: dict[str, Any] | None = None


class _TopIndex(Struct):
    manifests: list[_Entry]


def _from_layout(files: Files, scratch: Path) -> ArchivedImage:
    raw = read_small(files, _INDEX, MAX_MANIFEST_BYTES) or b""
    try:
        entries = msgspec.json.decode(raw, type=_TopIndex).manifests
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise unfit(
            files.shown, f"its index.json cannot be read ({excerpt(str(error))})"
        ) from error
    images = {one.digest: one for one in entries if _KIND not in (one.annotations or {})}
    is_one = len(images) == 1 or (images and all(one.platform for one in images.values()))
    if not is_one:
        raise _several(files, [_name_of(one) for one in images.values()])
    found = read_manifest(raw, "", files.shown) if len(images) > 1 else None
    digest = found.for_astro(files.shown).digest if isinstance(found, Index) else next(iter(images))
    manifest = _manifest_of(files, digest)
    config = b"".join(_blob(files, manifest.config, MAX_CONFIG_BYTES).read(0))
    if digest_of(config, manifest.config.digest) != manifest.config.digest:
        raise unfit(
            files.shown, "its config does not have the digest in the manifest: it was changed"
        )
    plain = any(layer.media_type in _PLAIN for layer in manifest.layers)
    return ArchivedImage(
        what=files.shown,
        config=config,
        layers=_layers(files, manifest, config, scratch),
        template=json.loads(manifest.raw),
        media_type=manifest.media_type,
        raw=None if plain else manifest.raw,
    )


def _manifest_of(files: Files, digest: str) -> Manifest:
    for _ in range(_MOST_NESTED):
        if not is_digest(digest):
            raise unfit(files.shown, f"its index names {excerpt(digest)!r}, which is not a digest")
        raw = read_small(files, _path(digest), MAX_MANIFEST_BYTES)
        if raw is None:
            raise unfit(files.shown, f"it lacks the manifest {digest}")
        if digest_of(raw, digest) != digest:
            raise unfit(files.shown, "a manifest does not have its digest: it was changed")
        found = read_manifest(raw, "", files.shown)
        if isinstance(found, Manifest):
            return found
        digest = found.for_astro(files.shown).digest
    raise unfit(files.shown, "it holds an index of indexes")


def _layers(files: Files, manifest: Manifest, config: bytes, scratch: Path) -> list[Blob]:
    diff_ids = read_config(config, files.shown).rootfs.diff_ids
    if len(diff_ids) != len(manifest.layers):
        raise unfit(
            files.shown,
            f"its image has {len(manifest.layers)} layers and digests of {len(diff_ids)}",
        )
    made: dict[str, Blob] = {}
    for layer, diff_id in zip(manifest.layers, diff_ids, strict=True):
        if layer.digest in made:
            continue
        if packed := _PLAIN.get(layer.media_type):
            made[layer.digest] = _packed(files, _path(layer.digest), diff_id, packed, scratch)
        else:
            made[layer.digest] = _blob(files, layer)
    return [made[layer.digest] for layer in manifest.layers]


def _blob(files: Files, blob: Descriptor, most_bytes: int | None = None) -> Blob:
    size = files.size(_path(blob.digest))
    if size is None:
        raise unfit(files.shown, f"it lacks the blob {blob.digest}")
    if size != blob.size or (most_bytes and size > most_bytes):
        raise unfit(
            files.shown, f"the blob {blob.digest} has {size} bytes and should have {blob.size}"
        )
    read = partial(files.read, _path(blob.digest))
    return Blob(size=size, describe=lambda: blob, read=read, look=read)


def _path(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _name_of(entry: _Entry) -> str:
    told = entry.annotations or {}
    return told.get(_FULL_NAME) or told.get(_NAME) or "one without a name"


def _several(files: Files, names: list[str]) -> ProjectError:
    held = f"{len(names)} images ({listed(names)})" if names else "no image"
    return ProjectError(
        f"the image archive {files.shown} holds {held}, and a deploy takes one", hint=_ONE_HINT
    )
