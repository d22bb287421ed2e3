"""The facts about an image, wherever it is stored."""

from __future__ import annotations

from msgspec import Struct

_DIGITS = 16


class ImageFacts(Struct, frozen=True, kw_only=True):
    """The facts about an image. Empty strings and None stand for unknown facts."""

    reference: str
    """The user's name of the image, for messages."""
    id: str
    """The digest of its configuration, `sha256:` and 64 hexadecimal digits: its identity. It is the
    same on an engine, in an archive and in a registry, whatever the layers were compressed with. An
    engine that keeps images in containerd gives the digest of the manifest instead."""
    os: str
    architecture: str
    runtime_version: str | None
    revision: str = ""
    """The commit that the image was built from, by its label."""
    source_url: str = ""
    """The repository of that commit, by the image's label."""
    layers: tuple[str, ...] = ()
    """The digests of the image's uncompressed layers, the lowest first."""
    machine: str = ""
    """The machine that a program of the image was compiled for, named as in `architecture`."""

    @property
    def digest(self) -> str:
        """The identity as in the marker of a deploy: 16 hexadecimal digits."""
        return self.id.partition(":")[2][:_DIGITS]
