"""Push an image to a repository without an engine: each blob once, and the manifest last."""

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
    """A layer or a config that can be read. `describe` may compress it, which takes long."""

    size: int
    """The estimated number of bytes to send."""
    describe: Callable[[], Descriptor]
    read: Callable[[int], Iterator[bytes]]
    """Reads the blob from an offset on; only after `describe`."""
    look: Callable[[], Iterator[bytes]]
    """Reads the blob's content at any time; it may be compressed or not."""


class Image(Protocol):
    """An image that can be read without an engine."""

    @property
    def what(self) -> str:
        """The image's name in errors."""

    @property
    def blobs(self) -> Sequence[Blob]:
        """The image's layers and its config, each once."""

    @property
    def host(self) -> str:
        """The registry that has the image; empty for an image in a file."""

    @property
    def repository(self) -> str:
        """The image's repository in this registry."""

    def manifest(self) -> Manifest:
        """Return the image's manifest; only after all blobs are described."""


def send_image(
    image: Image,
    target: Repository,
    tag: str,
    *,
    mount_from: str = "",
    on_progress: OnProgress = lambda done, total: None,
    workers: int = WORKERS,
) -> str:
    """Push an image to `target:tag`, and return its manifest's digest.

    `mount_from` is a repository of the same registry that already has the image. `on_progress` gets
    the number of sent bytes and of all bytes. Several threads call it, but never at the same time,
    and its exceptions end the push. Raises RegistryError.
    """
    if not mount_from and image.host == target.host:
        mount_from = image.repository
    # Starting with the largest blobs shortens the time until the last blob is sent.
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
    """Raised in a thread to stop it, because another thread has failed."""


class _Progress:
    """Adds up the reports of the threads."""

    def __init__(self, total: int, on_progress: OnProgress) -> None:
        self._total = total
        self._done = 0
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._is_over = False

    def stop(self) -> None:
        """End the threads that are still running."""
        self._is_over = True

    def correct(self, more: int) -> None:
        """Correct the number of bytes to send."""
        with self._lock:
            self._total += more

    def add(self, more: int) -> None:
        """Count further bytes, and report the progress."""
        with self._lock:
            if self._is_over:
                raise _StoppedError
            self._done += more
            self._on_progress(self._done, self._total)
