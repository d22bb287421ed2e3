"""What matters about an image, wherever it is."""

from __future__ import annotations

from msgspec import Struct

_DIGITS = 16


class ImageFacts(Struct, frozen=True, kw_only=True):
    """What matters about an image. Empty strings and None stand for what it does not say."""

    reference: str
    """As the user names it, for sentences."""
    id: str
    """The digest of its configuration, `sha256:` and 64 hexadecimal digits: its identity. It is the
    same on an engine, in an archive and in a registry, whatever the layers were compressed with. An
    engine that keeps images in containerd gives the digest of the manifest instead."""
    os: str
    architecture: str
    runtime_version: str | None
    revision: str = ""
    """The commit that it was built from, by its own label."""
    source_url: str = ""
    """The repository of that commit, by its own label."""
    layers: tuple[str, ...] = ()
    """The digests of its layers without compression, the lowest first."""
    machine: str = ""
    """What a program of the image was compiled for, in the words of `architecture`."""

    @property
    def digest(self) -> str:
        """The identity as our marker writes it: 16 hexadecimal digits."""
        return self.id.partition(":")[2][:_DIGITS]
