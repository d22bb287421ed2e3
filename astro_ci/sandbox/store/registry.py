"""The image registry of the local Astro: blobs by digest, manifests by repository, on disk.

```
blobs/<hex>                         the bytes of layers, configs and manifests, once each
uploads/<id>                        the bytes of an unfinished upload
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
from dataclasses import dataclass
from pathlib import Path

import msgspec

from astro_ci.sandbox.store.oci import (
    INDEXES,
    ImageConfig,
    ImageManifest,
    Index,
    RegistryRefusal,
    hex_of,
    read_manifest,
)
from astro_ci.sandbox.store.uploads import Uploads

__all__ = ["Manifest", "Registry", "RegistryRefusal"]

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A stored manifest."""

    digest: str
    media_type: str
    path: Path

    @property
    def is_index(self) -> bool:
        """Whether it is an index of manifests, not the manifest of an image."""
        return self.media_type in INDEXES


class Registry:
    """The images under one directory. Permissions are checked elsewhere."""

    def __init__(self, directory: Path) -> None:
        self._blobs = directory / "blobs"
        self._repositories = directory / "repositories"
        for path in (self._blobs, self._repositories):
            path.mkdir(parents=True, exist_ok=True)
        self.uploads = Uploads(directory / "uploads")

    # --- blobs -----------------------------------------------------------------------------------

    def blob(self, repository: str, digest: str) -> Path:
        """Find a blob of a repository. Raises RegistryRefusal 404."""
        path = self._blobs / hex_of(digest)
        if not (self._repository(repository, "blobs") / path.name).exists():
            raise RegistryRefusal(404, "BLOB_UNKNOWN", "blob unknown to registry", digest)
        return path

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether a repository has a blob."""
        return (self._repository(repository, "blobs") / hex_of(digest)).exists()

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Add a blob of another repository to a repository; False when it has no such blob."""
        if not self.has_blob(source, digest):
            return False
        (self._repository(repository, "blobs") / hex_of(digest)).touch()
        return True

    def finish_upload(self, repository: str, upload_id: str, digest: str) -> None:
        """Make an upload a blob of a repository. Raises RegistryRefusal 400 for a wrong digest.

        Reads the whole upload: not for the event loop.
        """
        self.uploads.finish(repository, upload_id, digest).replace(self._blobs / hex_of(digest))
        (self._repository(repository, "blobs") / hex_of(digest)).touch()

    # --- manifests -------------------------------------------------------------------------------

    def put_manifest(self, repository: str, reference: str, media_type: str, raw: bytes) -> str:
        """Store a manifest under a tag or its own digest; return the digest.

        Raises RegistryRefusal for an invalid manifest, or when it names a blob that was not pushed.
        """
        self._check_references(repository, read_manifest(raw, media_type))
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        if ":" in reference and reference != digest:
            raise RegistryRefusal(400, "DIGEST_INVALID", "the manifest has another digest")
        tag = None if ":" in reference else self._tag(repository, reference)
        self.uploads.write(self._blobs / hex_of(digest), raw)
        link = self._repository(repository, "manifests") / hex_of(digest)
        self.uploads.write(link, media_type.encode())
        if tag is not None:
            self.uploads.write(tag, digest.encode())
        return digest

    def manifest(self, repository: str, reference: str) -> Manifest:
        """Find a manifest by tag or digest. Raises RegistryRefusal 404."""
        digest = reference
        if ":" not in reference:
            tag = self._tag(repository, reference)
            digest = tag.read_text(encoding="ascii") if tag.exists() else ""
        link = self._repository(repository, "manifests") / (hex_of(digest) if digest else "-")
        if not link.exists():
            raise RegistryRefusal(404, "MANIFEST_UNKNOWN", "manifest unknown", reference)
        media_type = link.read_text(encoding="ascii")
        return Manifest(digest, media_type, self._blobs / link.name)

    def tags(self, repository: str) -> list[str]:
        """List the tags of a repository, in order."""
        return sorted(path.name for path in self._repository(repository, "tags").iterdir())

    def remove(self, repository: str) -> None:
        """Delete a repository; the bytes of its blobs stay, as other repositories may use them."""
        shutil.rmtree(self._repositories / repository, ignore_errors=True)

    # --- images ----------------------------------------------------------------------------------

    def image(self, repository: str, tag: str) -> tuple[Manifest, ImageManifest] | None:
        """Find the image of a tag; for an index, the image for Astro's platform.

        None when no image was pushed to the tag, or no image for the platform.
        """
        try:
            found = self.manifest(repository, tag)
            manifest = read_manifest(found.path.read_bytes(), found.media_type)
            if isinstance(manifest, Index):
                one = manifest.for_platform()
                found = self.manifest(repository, one.digest if one else "")
                manifest = read_manifest(found.path.read_bytes(), found.media_type)
        except RegistryRefusal:
            return None
        return (found, manifest) if isinstance(manifest, ImageManifest) else None

    def config(self, repository: str, tag: str) -> bytes | None:
        """Read the config of the image of a tag; None without an image."""
        found = self.image(repository, tag)
        return self.blob(repository, found[1].config.digest).read_bytes() if found else None

    def labels(self, repository: str, tag: str) -> dict[str, str] | None:
        """Read the labels of the image of a tag; None without an image."""
        raw = self.config(repository, tag)
        if raw is None:
            return None
        try:
            config = msgspec.json.decode(raw, type=ImageConfig).config
        except msgspec.MsgspecError:
            # A config of another media type, such as a Helm chart's, has no labels.
            return {}
        return (config and config.labels) or {}

    def _check_references(self, repository: str, manifest: ImageManifest | Index) -> None:
        if isinstance(manifest, Index):
            links = self._repository(repository, "manifests")
            missing = [d for d in manifest.manifests if not (links / hex_of(d.digest)).exists()]
        else:
            named = (manifest.config, *manifest.layers)
            missing = [d for d in named if not d.urls and not self.has_blob(repository, d.digest)]
        if missing:
            raise RegistryRefusal(
                400,
                "MANIFEST_BLOB_UNKNOWN",
                "manifest references a blob unknown to the registry",
                {"digest": missing[0].digest},
            )

    def _tag(self, repository: str, tag: str) -> Path:
        if not _TAG.fullmatch(tag):
            raise RegistryRefusal(400, "TAG_INVALID", "manifest tag did not match its pattern")
        return self._repository(repository, "tags") / tag

    def _repository(self, name: str, kind: str) -> Path:
        path = self._repositories / name / kind
        path.mkdir(parents=True, exist_ok=True)
        return path
