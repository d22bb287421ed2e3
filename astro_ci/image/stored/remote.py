"""An image in a registry, read without an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from astro_ci.image.registry.client import Repository
from astro_ci.image.registry.manifest import Descriptor, Manifest
from astro_ci.image.registry.send import Blob


class RemoteImage(Struct, frozen=True, kw_only=True):
    """The image that a tag meant when its manifest was read. An `Image` that can be pushed."""

    what: str
    source: Repository
    found: Manifest

    @property
    def host(self) -> str:
        """See registry.send.Image."""
        return self.source.host

    @property
    def repository(self) -> str:
        """See registry.send.Image."""
        return self.source.name

    @property
    def blobs(self) -> Sequence[Blob]:
        """See registry.send.Image."""
        return [self._blob(one) for one in self.found.blobs]

    @property
    def lookers(self) -> Sequence[Callable[[], Iterator[bytes]]]:
        """Return readers of the image's layers, from the lowest to the top."""
        return [partial(self.source.read, layer) for layer in self.found.layers]

    def manifest(self) -> Manifest:
        """See registry.send.Image."""
        return self.found

    def _blob(self, one: Descriptor) -> Blob:
        read = partial(self.source.read, one)
        return Blob(size=one.size, describe=lambda: one, read=read, look=read)
