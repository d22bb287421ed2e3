"""Images as a registry stores them, and the errors of a registry.

Source: the OCI Image and Distribution Specifications, version 1.1; Docker's manifest schema 2.
"""

from __future__ import annotations

import re

import msgspec
from msgspec import Struct, field

IMAGE_MANIFESTS = frozenset(
    {
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
    }
)
INDEXES = frozenset(
    {
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    }
)
PLATFORM = ("linux", "amd64")
"""The platform on which Astro runs images."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class RegistryRefusal(Exception):
    """The error of a refused request, with the specification's error code."""

    def __init__(self, status: int, code: str, message: str, detail: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers: dict[str, str] = {}


class Platform(Struct):
    """The platform of a manifest in an index."""

    os: str = ""
    architecture: str = ""


class Descriptor(Struct, rename="camel"):
    """A reference to a blob or a manifest."""

    digest: str
    size: int = 0
    urls: list[str] = field(default_factory=list)
    """The URLs of a foreign layer; such a layer is never pushed."""
    platform: Platform | None = None


class ImageManifest(Struct, rename="camel"):
    """An image for one platform."""

    schema_version: int
    config: Descriptor
    layers: list[Descriptor]


class Index(Struct, rename="camel"):
    """Images for several platforms, or an image with attestations."""

    schema_version: int
    manifests: list[Descriptor]

    def for_platform(self) -> Descriptor | None:
        """Find the manifest for Astro's platform."""
        for one in self.manifests:
            if one.platform and (one.platform.os, one.platform.architecture) == PLATFORM:
                return one
        return None


class ContainerConfig(Struct):
    """The part of an image's config with which containers start."""

    labels: dict[str, str] | None = field(default=None, name="Labels")


class Step(Struct):
    """An entry of an image's history: the instruction that made a layer."""

    created_by: str = ""
    empty_layer: bool = False


class ImageConfig(Struct):
    """An image's config blob."""

    config: ContainerConfig | None = None
    history: list[Step] | None = None


def read_manifest(raw: bytes, media_type: str) -> ImageManifest | Index:
    """Decode a manifest. Raises RegistryRefusal when the text is not a manifest."""
    kind: type[ImageManifest] | type[Index]
    if media_type in INDEXES:
        kind = Index
    elif media_type in IMAGE_MANIFESTS:
        kind = ImageManifest
    else:
        message = f"manifests of type {media_type} are not supported"
        raise RegistryRefusal(415, "MANIFEST_INVALID", message)
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise RegistryRefusal(400, "MANIFEST_INVALID", f"manifest invalid: {exc}") from exc


def hex_of(digest: str) -> str:
    """Return the hexadecimal part of a digest. Raises RegistryRefusal 400 for any other text."""
    if not _DIGEST.fullmatch(digest):
        raise RegistryRefusal(400, "DIGEST_INVALID", f"invalid digest {digest[:100]!r}")
    return digest.removeprefix("sha256:")
