"""Manifests and indexes: the parts of an image, and the image of an index that Astro runs.

The original bytes of a manifest are kept, because its digest is the digest of these bytes.
Source: the OCI Image Specification, version 1.1; Docker's manifest schema 2.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from msgspec import Struct, field

from astro_ci.errors import ProjectError, RegistryError
from astro_ci.text import Regex, excerpt

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
IMAGES = (DOCKER_MANIFEST, OCI_MANIFEST)
INDEXES = (DOCKER_LIST, OCI_INDEX)
ACCEPT = ", ".join((*IMAGES, *INDEXES))
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
MAX_MANIFEST_BYTES = 4 << 20
"""The size limit of registries."""
MAX_CONFIG_BYTES = 16 << 20

_DIGEST = Regex(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1"


class Descriptor(Struct, frozen=True, kw_only=True):
    """The descriptor of a blob or a manifest. `platform` is empty when it is not stated."""

    media_type: str
    digest: str
    size: int
    platform: str = ""


class Manifest(Struct, frozen=True, kw_only=True):
    """The manifest of one image."""

    raw: bytes
    media_type: str
    digest: str
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All blobs that must be in a repository before the manifest, each once."""
        return tuple({blob.digest: blob for blob in (*self.layers, self.config)}.values())


class Index(Struct, frozen=True, kw_only=True):
    """A list of manifests: images for several platforms, or an image with its attestations."""

    digest: str
    entries: tuple[Descriptor, ...]

    def for_astro(self, what: str) -> Descriptor:
        """Find the image for linux/amd64. Raises ProjectError, which lists the platforms."""
        for platform in ("linux/amd64", "linux/amd64/v1", "linux/amd64/v2", "linux/amd64/v3"):
            for entry in self.entries:
                if entry.platform == platform:
                    return entry
        known = sorted({one.platform for one in self.entries} - {"", "unknown/unknown"})
        raise ProjectError(
            f"{what} is an index without an image for linux/amd64, which Astro runs; it lists "
            f"{excerpt(', '.join(known)) or 'no platform'}",
            hint="Build the image with --platform linux/amd64.",
        )


class _WirePlatform(Struct):
    os: str = ""
    architecture: str = ""
    variant: str = ""


class _WireDescriptor(Struct, rename="camel"):
    digest: str
    size: int
    media_type: str = ""
    platform: _WirePlatform | None = None


class _Wire(Struct, rename="camel"):
    schema_version: int = 2
    media_type: str = ""
    config: _WireDescriptor | None = None
    layers: list[_WireDescriptor] | None = None
    manifests: list[_WireDescriptor] | None = None
    fs_layers: Any = field(default=None, name="fsLayers")


def digest_of(raw: bytes, like: str = "sha256:") -> str:
    """Digest bytes with the algorithm of another digest."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}"


def is_digest(text: str) -> bool:
    """Whether a text is a digest by an algorithm that registries use."""
    return _DIGEST.fullmatch(text) is not None


def read_manifest(raw: bytes, media_type: str, what: str) -> Manifest | Index:
    """Decode a manifest. `media_type` is its stated type, and `what` names it in errors.

    Raises RegistryError unless it is the manifest of an image or an index.
    """
    wire = _decode(raw, what)
    kind = media_type if media_type in (*IMAGES, *INDEXES) else wire.media_type
    if _SCHEMA_1 in media_type or wire.schema_version != 2 or wire.fs_layers is not None:
        raise RegistryError(
            f"{what} has a manifest of schema 1, which registries no longer accept",
            hint="Push the image again with a current version of Docker.",
        )
    if wire.manifests is not None and wire.layers is not None:
        raise RegistryError(f"{what} has a manifest that is both an index and an image")
    if wire.manifests is not None:
        return Index(digest=digest_of(raw), entries=_descriptors(wire.manifests, what))
    if wire.config is None or wire.layers is None:
        raise RegistryError(
            f"{what} has a manifest without a config or without layers, so it is not an image"
        )
    if kind not in IMAGES:
        kind = DOCKER_MANIFEST if wire.config.media_type == DOCKER_CONFIG else OCI_MANIFEST
    config, *layers = _descriptors([wire.config, *wire.layers], what)
    if config.media_type not in (DOCKER_CONFIG, OCI_CONFIG):
        raise RegistryError(
            f"{what} is not a container image: its config is {excerpt(config.media_type)}",
            hint="Name an image, not a chart, a signature or another artifact.",
        )
    return Manifest(
        raw=raw, media_type=kind, digest=digest_of(raw), config=config, layers=tuple(layers)
    )


def _decode(raw: bytes, what: str) -> _Wire:
    try:
        return msgspec.json.decode(raw, type=_Wire)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RegistryError(
            f"{what} has a manifest that cannot be read: {excerpt(str(error))}"
        ) from error


def _descriptors(wires: list[_WireDescriptor], what: str) -> tuple[Descriptor, ...]:
    found = []
    for wire in wires:
        if not is_digest(wire.digest) or wire.size < 0:
            raise RegistryError(
                f"{what} has a manifest that names a blob by {excerpt(wire.digest)!r} with "
                f"{wire.size} bytes, which is not a digest with a size"
            )
        platform = wire.platform
        parts = (platform.os, platform.architecture, platform.variant) if platform else ()
        found.append(
            Descriptor(
                media_type=wire.media_type,
                digest=wire.digest,
                size=wire.size,
                platform="/".join(part for part in parts if part),
            )
        )
    return tuple(found)
