"""The image registry of the local Astro: blobs by digest, manifests by repository, on disk.

```
blobs/<hex>                         the bytes of layers, configs and manifests, once each
uploads/<id>                        what is being uploaded
repositories/<name>/blobs/<hex>     an empty file: this repository has that blob
repositories/<name>/manifests/<hex> the media type of a manifest
repositories/<name>/tags/<tag>      the digest that a tag names
```
Source: the OCI Distribution Specification, version 1.1.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

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

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)


class RegistryRefusal(Exception):
    """A request that the registry refuses, with the specification's code for it."""

    def __init__(self, status: int, code: str, message: str, detail: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers: dict[str, str] = {}


class Descriptor(Struct, rename="camel"):
    """A reference to a blob."""

    digest: str
    urls: list[str] = field(default_factory=list)
    """Where a foreign layer lies; such a layer is never pushed."""


class ImageManifest(Struct, rename="camel"):
    """An image for one platform."""

    schema_version: int
    config: Descriptor
    layers: list[Descriptor]


class ContainerConfig(Struct):
    """The part of an image's config that containers start with."""

    labels: dict[str, str] | None = field(default=None, name="Labels")


class ImageConfig(Struct):
    """An image's config blob."""

    config: ContainerConfig | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A stored manifest."""

    digest: str
    media_type: str
    path: Path


class Registry:
    """Images under one directory. Who may do what is not decided here."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs"
        self._uploads = directory / "uploads"
        self._repositories = directory / "repositories"
        shutil.rmtree(self._uploads, ignore_errors=True)
        for path in (self._blobs, self._uploads, self._repositories):
            path.mkdir(parents=True, exist_ok=True)

    # --- blobs -----------------------------------------------------------------------------------

    def blob(self, repository: str, digest: str) -> Path:
        """Find a blob of a repository. Raises RegistryRefusal 404."""
        path = self._blobs / _hex(digest)
        if not (self._repository(repository, "blobs") / path.name).exists():
            raise RegistryRefusal(404, "BLOB_UNKNOWN", "blob unknown to registry", digest)
        return path

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        return (self._repository(repository, "blobs") / _hex(digest)).exists()

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Give a repository a blob of another one; False when that one has no such blob."""
        if not self.has_blob(source, digest):
            return False
        (self._repository(repository, "blobs") / _hex(digest)).touch()
        return True

    def begin_upload(self) -> str:
        """Open an upload; return its id."""
        upload_id = uuid4().hex
        (self._uploads / upload_id).touch()
        return upload_id

    def upload_size(self, upload_id: str) -> int:
        """Count the bytes that an upload has so far. Raises RegistryRefusal 404."""
        return self._upload(upload_id).stat().st_size

    async def append(self, upload_id: str, body: AsyncIterator[bytes]) -> int:
        """Add a body to an upload as it comes; return the bytes that it has now."""
        with self._upload(upload_id).open("ab") as file:
            async for chunk in body:
                file.write(chunk)
            return file.tell()

    def finish_upload(self, repository: str, upload_id: str, digest: str) -> None:
        """Make an upload a blob of a repository. Raises RegistryRefusal 400 for another digest.

        Reads all of it: not for the event loop.
        """
        upload = self._upload(upload_id)
        wanted = _hex(digest)
        with upload.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != wanted:
            upload.unlink()
            raise RegistryRefusal(
                400, "DIGEST_INVALID", f"provided digest did not match uploaded content: {digest}"
            )
        upload.replace(self._blobs / wanted)
        (self._repository(repository, "blobs") / wanted).touch()

    def cancel_upload(self, upload_id: str) -> None:
        """Throw an upload away."""
        self._upload(upload_id).unlink()

    def _upload(self, upload_id: str) -> Path:
        path = self._uploads / upload_id
        if not upload_id.isalnum() or not path.exists():
            raise RegistryRefusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return path

    # --- manifests -------------------------------------------------------------------------------

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        """Store a manifest under a tag or its own digest; return the digest.

        Raises RegistryRefusal when it is no single image, or names blobs that were not pushed.
        """
        self._check_manifest(repository, media_type, raw)
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        if ":" in reference and reference != digest:
            raise RegistryRefusal(400, "DIGEST_INVALID", "the manifest has another digest")
        tag = None if ":" in reference else self._tag(repository, reference)
        self._write(self._blobs / _hex(digest), raw)
        link = self._repository(repository, "manifests") / _hex(digest)
        self._write(link, media_type.encode())
        if tag is not None:
            self._write(tag, digest.encode())
        return digest

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Find a manifest by tag or digest. Raises RegistryRefusal 404."""
        digest = reference
        if ":" not in reference:
            tag = self._tag(repository, reference)
            digest = tag.read_text(encoding="ascii") if tag.exists() else ""
        link = self._repository(repository, "manifests") / (_hex(digest) if digest else "-")
        if not link.exists():
            raise RegistryRefusal(404, "MANIFEST_UNKNOWN", "manifest unknown", reference)
        media_type = link.read_text(encoding="ascii")
        return Manifest(digest, media_type, self._blobs / link.name)

    def tags(self, repository: str) -> list[str]:
        """List the tags of a repository, in order."""
        return sorted(path.name for path in self._repository(repository, "tags").iterdir())

    def remove(self, repository: str) -> None:
        """Forget a repository; the bytes of its blobs stay, for others may share them."""
        shutil.rmtree(self._repositories / repository, ignore_errors=True)

    def config(self, repository: str, tag: str) -> bytes | None:
        """Read the config of the image that a tag names; None when nothing was pushed to it."""
        try:
            manifest = self.manifest(repository, tag)
        except RegistryRefusal:
            return None
        parsed = msgspec.json.decode(manifest.path.read_bytes(), type=ImageManifest)
        return self.blob(repository, parsed.config.digest).read_bytes()

    def labels(self, repository: str, tag: str) -> dict[str, str] | None:
        """Read the labels of the image that a tag names; None when nothing was pushed to it."""
        raw = self.config(repository, tag)
        if raw is None:
            return None
        try:
            config = msgspec.json.decode(raw, type=ImageConfig).config
        except msgspec.MsgspecError:
            # A config of another media type, such as that of a chart: no image, no labels.
            return {}
        return (config and config.labels) or {}

    def _check_manifest(self, repository: str, media_type: str, raw: bytes) -> None:
        if media_type in INDEXES:
            raise RegistryRefusal(
                400,
                "MANIFEST_INVALID",
                "a plain single-platform manifest is needed, and this is an index: build with "
                "--platform=linux/amd64 --provenance=false --sbom=false",
            )
        if media_type not in IMAGE_MANIFESTS:
            raise RegistryRefusal(
                415, "MANIFEST_INVALID", f"manifests of type {media_type} are not supported"
            )
        try:
            manifest = msgspec.json.decode(raw, type=ImageManifest)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise RegistryRefusal(400, "MANIFEST_INVALID", f"manifest invalid: {exc}") from exc
        for descriptor in (manifest.config, *manifest.layers):
            if not descriptor.urls and not self.has_blob(repository, descriptor.digest):
                raise RegistryRefusal(
                    400,
                    "MANIFEST_BLOB_UNKNOWN",
                    "manifest references a blob unknown to the registry",
                    {"digest": descriptor.digest},
                )

    def _write(self, path: Path, content: bytes) -> None:
        """Write a small file, all of it or nothing."""
        temporary = self._uploads / uuid4().hex
        temporary.write_bytes(content)
        temporary.replace(path)

    def _tag(self, repository: str, tag: str) -> Path:
        if not _TAG.fullmatch(tag):
            raise RegistryRefusal(400, "TAG_INVALID", "manifest tag did not match its pattern")
        return self._repository(repository, "tags") / tag

    def _repository(self, name: str, kind: str) -> Path:
        path = self._repositories / name / kind
        path.mkdir(parents=True, exist_ok=True)
        return path


def _hex(digest: str) -> str:
    """Take the hexadecimal part of a digest. Raises RegistryRefusal 400 for any other text."""
    if not _DIGEST.fullmatch(digest):
        raise RegistryRefusal(400, "DIGEST_INVALID", f"invalid digest {digest[:100]!r}")
    return digest.removeprefix("sha256:")
