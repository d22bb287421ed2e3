"""Send an image to a repository without an engine: each blob once, the manifest last."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from astro_ci.image.registry.client import Repository
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.manifest import Descriptor, Manifest
from astro_ci.web.threads import in_threads

WORKERS = 3
OnProgress = Callable[[int, int], None]


class Blob(Struct, frozen=True, kw_only=True):
    """A layer or a config that can be read. `describe` may take as long as compressing it."""

    size: int
    """About how many bytes will be sent."""
    describe: Callable[[], Descriptor]
    read: Callable[[int], Iterator[bytes]]
    """Reads it from an offset on, once it is described."""
    look: Callable[[], Iterator[bytes]]
    """Reads it at any time, compressed or not, to see what is in it."""


class Image(Protocol):
    """An image that can be read without an engine."""

    @property
    def what(self) -> str:
        """Its name in errors."""

    @property
    def blobs(self) -> Sequence[Blob]:
        """Its layers and its config, each once."""

    @property
    def host(self) -> str:
        """The registry that has it; empty when it lies in a file."""

    @property
    def repository(self) -> str:
        """Its repository there."""

    def manifest(self) -> Manifest:
        """Its manifest, once every blob is described."""


def send_image(
    image: Image,
    target: Repository,
    tag: str,
    *,
    mount_from: str = "",
    on_progress: OnProgress = lambda done, total: None,
    workers: int = WORKERS,
) -> str:
    """Bring an image to `target:tag` and return its manifest's digest.

    `mount_from` is a repository of the same registry that was sent the image before. `on_progress`
    gets bytes that are there and bytes altogether; it is called in several threads, one at a time,
    and what it raises ends the sending. Raises RegistryError.
    """
    if not mount_from and image.host == target.host:
        mount_from = image.repository
    # The largest first: the last one to end then ends sooner.
    blobs = sorted(image.blobs, key=lambda blob: blob.size, reverse=True)
    progress = _Progress(sum(blob.size for blob in blobs), on_progress)

    def send(blob: Blob) -> None:
        _send_blob(image.what, blob, target, mount_from, progress)

    try:
        for _ in in_threads(send, blobs, workers):
            pass
    finally:
        progress.stop()
    return target.put(image.manifest(), tag)


def _send_blob(
    what: str, blob: Blob, target: Repository, mount_from: str, progress: _Progress
) -> None:
    progress.add(0)
    described = blob.describe()
    progress.correct(described.size - blob.size)
    if target.has(described):
        progress.add(described.size)
        return
    content = Content(described, blob.read, f"a layer of {what}")
    source = "" if mount_from == target.name else mount_from
    target.upload(content, mount_from=source, report=progress.add)


class _StoppedError(Exception):
    """Raised in a thread whose blob is no longer wanted, as another one failed."""


class _Progress:
    """Adds up what the threads report."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self._total = total
        self._done = 0
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._is_over = False

    def stop(self) -> None:
        """End the threads that are still at it."""
        self._is_over = True

    def correct(self, more: int) -> None:
        """Set right how much there is to send."""
        with self._lock:
            self._total += more

    def add(self, more: int) -> None:
        """Count more bytes, and tell."""
        with self._lock:
            if self._is_over:
                raise _StoppedError
            self._done += more
            self._on_progress(self._done, self._total)
