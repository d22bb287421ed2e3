"""A client for a repository of an image registry, which reads and writes images.

Source: the OCI Distribution Specification, version 1.1.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from astro_ci.errors import RegistryError
from astro_ci.image.registry.blobs import (
    find_digest,
    has_blob,
    is_transient,
    read_blob,
    read_manifest_bytes,
    repeating,
)
from astro_ci.image.registry.connection import Connection
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.failure import release
from astro_ci.image.registry.login import Login, Scopes
from astro_ci.image.registry.manifest import (
    MAX_CONFIG_BYTES,
    Descriptor,
    Index,
    Manifest,
    digest_of,
    read_manifest,
)
from astro_ci.image.registry.uploads import How, Report, Sizes, Upload
from astro_ci.web.session import Patience

__all__ = ["Repository", "is_transient", "open_repository"]

_MOST_NESTED = 3


class Repository(Struct, frozen=True, kw_only=True):
    """A repository of a registry. Several threads may use it."""

    connection: Connection
    name: str

    @property
    def host(self) -> str:
        """The registry."""
        return self.connection.host

    def __str__(self) -> str:
        return f"{self.host}/{self.name}"

    def __repr__(self) -> str:
        """Show the repository's name, without the login."""
        return f"Repository({str(self)!r})"

    def close(self) -> None:
        """Close the sockets."""
        self.connection.close()

    # --- reading ---------------------------------------------------------------------------------

    def image(self, reference: str) -> Manifest:
        """Read the manifest of a tag or digest; for an index, the manifest for linux/amd64.

        Raises RegistryError, and ProjectError for an index without this platform.
        """
        what = f"{self}{'@' if ':' in reference else ':'}{reference}"
        for _ in range(_MOST_NESTED):
            raw, media_type = read_manifest_bytes(
                self.connection, self.name, reference, self._pull, what
            )
            found = read_manifest(raw, media_type, what)
            if isinstance(found, Manifest):
                return found
            reference = found.for_astro(what).digest
        raise RegistryError(f"{what} is an index of indexes")

    def index(self, reference: str) -> Index | Manifest:
        """Read the manifest or the index of a tag or digest. Raises RegistryError."""
        what = f"{self}:{reference}"
        raw, media_type = read_manifest_bytes(
            self.connection, self.name, reference, self._pull, what
        )
        return read_manifest(raw, media_type, what)

    def digest(self, reference: str) -> str:
        """Ask for a tag's present digest; empty when there is no such tag. Raises RegistryError."""
        what = f"{self}:{reference}"
        return find_digest(self.connection, self.name, reference, self._pull, what)

    def config(self, manifest: Manifest) -> bytes:
        """Read the config of an image, as it was stored. Raises RegistryError."""
        what = f"the config of {self}"
        if manifest.config.size > MAX_CONFIG_BYTES:
            raise RegistryError(f"{what} has {manifest.config.size} bytes, more than a config has")
        content = Content(manifest.config, lambda at: self.read(manifest.config, at), what)
        return b"".join(content.part(0, manifest.config.size))

    def read(self, blob: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """Read a blob from an offset on; the digest is for the caller to check."""
        return read_blob(self.connection, self.name, blob, offset, self._pull)

    def has(self, blob: Descriptor) -> bool:
        """Ask whether the repository has a blob. Raises RegistryError."""
        return has_blob(self.connection, self.name, blob, self._push)

    # --- writing ---------------------------------------------------------------------------------

    def upload(
        self,
        content: Content,
        *,
        mount_from: str = "",
        sizes: Sizes | None = None,
        report: Report = lambda more: None,
    ) -> How:
        """Mount a blob from another repository of the registry, or upload the blob.

        `report` gets the number of further bytes that were sent; its exceptions end the upload.
        Raises RegistryError.
        """
        source = (f"repository:{mount_from}:pull",) if mount_from else ()
        return Upload(
            connection=self.connection,
            name=self.name,
            content=content,
            scopes=self._push,
            mount_from=mount_from,
            mount_scopes=(*self._push, *source),
            sizes=sizes or Sizes(),
            report=report,
        ).run()

    def put(self, manifest: Manifest, tag: str) -> str:
        """Store a manifest under a tag, read it back, and return its digest.

        Raises RegistryError when the registry then returns other bytes.
        """
        what = f"the manifest of {self}:{tag}"

        def send() -> None:
            response = self.connection.send(
                "PUT",
                f"{self.name}/manifests/{tag}",
                what,
                scopes=self._push,
                expect=(200, 201, 202),
                headers={"Content-Type": manifest.media_type},
                body=lambda: manifest.raw,
            )
            release(response)

        repeating(self.connection)(send)
        raw, _ = read_manifest_bytes(self.connection, self.name, tag, self._push, f"{self}:{tag}")
        if raw != manifest.raw:
            raise RegistryError(
                f"the registry {self.host} accepted {manifest.digest} as {self}:{tag}, and now has "
                f"{digest_of(raw)} under that tag",
                hint="Run the job again, and make sure that nothing else pushes to this tag.",
            )
        return manifest.digest

    @property
    def _pull(self) -> Scopes:
        return (f"repository:{self.name}:pull",)

    @property
    def _push(self) -> Scopes:
        return (f"repository:{self.name}:pull,push",)


def open_repository(
    host: str, name: str, login: Login | None, patience: Patience | None = None
) -> Repository:
    """Open a repository; the first request is made when the repository is used."""
    return Repository(connection=Connection(host, login, patience), name=name)
