"""Read the names and sizes of the contents of bundles and images, within limits.

Both are untrusted: a small archive may unpack to endless data, and a name may have any bytes.
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from astro_ci.sandbox.store.oci import ImageConfig
from astro_ci.sandbox.store.registry import Registry

MAX_FILES = 500
MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class File:
    """A file of a bundle."""

    name: str
    size: int
    is_dag: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files of a bundle, in its order; `note` says what is missing in the list, if anything."""

    files: tuple[File, ...] = ()
    note: str = ""

    @property
    def dags(self) -> int:
        """The number of Python files."""
        return sum(file.is_dag for file in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of an image."""

    digest: str
    size: int
    made_by: str
    """The instruction that made the layer; empty when the image does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, with its layers from the base up."""

    digest: str
    layers: tuple[Layer, ...]
    labels: tuple[tuple[str, str], ...]


class _Limited:
    """Ends a stream after a number of bytes."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._read: Callable[[int], bytes] = file.read
        self.left = MAX_BYTES

    def read(self, size: int) -> bytes:
        data = self._read(min(size, self.left))
        self.left -= len(data)
        return data


def list_bundle(path: Path) -> Listing:
    """List the files of a bundle, up to the limits."""
    files: list[File] = []
    note = ""
    with path.open("rb") as raw:
        limited = _Limited(gzip.GzipFile(fileobj=raw))
        try:
            note = _collect(limited, files)
        except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError, MemoryError):
            note = "The bundle is not a whole .tar.gz archive."
    if not limited.left:
        note = f"Only the first {MAX_BYTES >> 20} MiB of the bundle are listed."
    return Listing(files=tuple(files), note=note)


def _collect(limited: _Limited, files: list[File]) -> str:
    # The stream's list of members is emptied as it is read, so that memory use stays limited.
    with tarfile.open(fileobj=_as_file(limited), mode="r|") as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]
            if member.isdir():
                continue
            if len(files) == MAX_FILES:
                return f"Only the first {MAX_FILES} files are listed."
            is_dag = member.isfile() and member.name.endswith(".py")
            files.append(File(member.name, member.size, is_dag))
    return ""


def _as_file(limited: _Limited) -> BinaryIO:
    return limited  # type: ignore[return-value]  # a stream is read, and nothing else


def read_image(registry: Registry, repository: str, tag: str) -> Image | None:
    """Read the layers and labels of the image that a tag names; None when there is no image."""
    found = registry.image(repository, tag) if tag else None
    if found is None:
        return None
    manifest, image = found
    layers = image.layers
    config = _read_config(registry.blob(repository, image.config.digest).read_bytes())
    steps = [step.created_by for step in config.history or [] if not step.empty_layer]
    if len(steps) != len(layers):
        steps = [""] * len(layers)
    labels = (config.config and config.config.labels) or {}
    return Image(
        digest=manifest.digest,
        layers=tuple(
            Layer(digest=layer.digest, size=layer.size, made_by=step)
            for layer, step in zip(layers, steps, strict=True)
        ),
        labels=tuple(sorted(labels.items())),
    )


def _read_config(raw: bytes) -> ImageConfig:
    try:
        return msgspec.json.decode(raw, type=ImageConfig)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ImageConfig()
