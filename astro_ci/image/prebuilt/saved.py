"""Read a `docker save` archive without an engine, and copy it without the image's names."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from msgspec import Struct

from astro_ci.errors import ProjectError
from astro_ci.project.files import opened_named_file, remedy
from astro_ci.text import excerpt, listed

_MANIFEST = "manifest.json"
_INDEX = "index.json"
_NAMES = "repositories"
_MOST_BYTES = 4_000_000
"""The size limit of a manifest or a configuration."""
_HINT = (
    "Write it with `docker save IMAGE -o FILE`, or `docker buildx build --output "
    "type=docker,dest=FILE`, and check that the file arrived whole."
)


class Saved(Struct, frozen=True, kw_only=True):
    """The image of an archive."""

    id: str
    """The digest of its configuration."""
    os: str
    architecture: str
    members: tuple[str, ...] = ()


def read_saved(path: Path) -> Saved:
    """Read an archive to its end. Raises ProjectError unless it has exactly one complete image."""
    with _opened(path) as file, _reading(path):
        found: dict[str, bytes] = {}
        sizes: set[str] = set()
        with tarfile.open(fileobj=file, mode="r:*") as archive:
            for entry in archive:
                name = entry.name.removeprefix("./")
                sizes.add(name)
                if entry.isreg() and entry.size <= _MOST_BYTES and _is_told(name):
                    reader = archive.extractfile(entry)
                    found[name] = reader.read() if reader else b""
        manifest = _manifest(found, path)
        config = _config(found, manifest, path)
        missing = [layer for layer in manifest["Layers"] if layer not in sizes]
        if missing:
            raise _unfit(path, f"it lacks {listed(missing, most=1)}, a layer of the image")
    told = json.loads(config)
    return Saved(
        id=f"sha256:{hashlib.sha256(config).hexdigest()}",
        os=str(told.get("os", "")),
        architecture=str(told.get("architecture", "")),
    )


def write_nameless(path: Path, out: IO[bytes]) -> None:
    """Copy the archive without the image's names, because loading would move these names.

    Raises ProjectError for an archive that cannot be read; an OSError comes from `out`.
    """
    with (
        _opened(path) as file,
        tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as target,
        _reading(path),
        tarfile.open(fileobj=file, mode="r:*") as source,
    ):
        for entry in source:
            name = entry.name.removeprefix("./")
            if name == _NAMES:
                continue
            content: IO[bytes] | None = source.extractfile(entry) if entry.isreg() else None
            if content and name in (_MANIFEST, _INDEX) and entry.size <= _MOST_BYTES:
                text = json.dumps(_nameless(json.loads(content.read()))).encode()
                entry.size, content = len(text), io.BytesIO(text)
            target.addfile(entry, content)


def _is_told(name: str) -> bool:
    return name == _MANIFEST or name.endswith(".json") or name.startswith("blobs/sha256/")


def _manifest(found: dict[str, bytes], path: Path) -> dict[str, Any]:
    if _MANIFEST not in found:
        why = "it has no manifest.json, so it was not written by `docker save`"
        raise _unfit(path, why)
    images = json.loads(found[_MANIFEST])
    if not (isinstance(images, list) and all(isinstance(image, dict) for image in images)):
        raise ValueError("manifest.json is not a list of images")
    if len(images) != 1:
        names = [tag for image in images for tag in image.get("RepoTags") or ["one without a name"]]
        held = f"{len(images)} images ({listed(names)})" if images else "no image"
        raise ProjectError(
            f"the image archive {excerpt(str(path))} holds {held}, and a deploy takes one",
            hint="Save only the image to deploy: `docker save IMAGE -o FILE`.",
        )
    image: dict[str, Any] = images[0]
    if not isinstance(image.get("Config"), str) or not isinstance(image.get("Layers"), list):
        raise ValueError("manifest.json names no configuration or no layers")
    return image


def _config(found: dict[str, bytes], manifest: dict[str, Any], path: Path) -> bytes:
    config = found.get(manifest["Config"])
    if config is None:
        raise _unfit(path, "it lacks the image's configuration")
    if not isinstance(json.loads(config), dict):
        raise ValueError("the image's configuration is not a JSON object")
    return config


def _nameless(document: Any) -> Any:
    """Remove the names from a manifest.json or an index.json."""
    if isinstance(document, list):
        return [{**image, "RepoTags": None} for image in document]
    manifests = [{**one, "annotations": {}} for one in document.get("manifests", [])]
    return {**document, "manifests": manifests}


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with opened_named_file(path) as file:
            yield file
    except OSError as error:
        raise ProjectError(
            f"the image archive {excerpt(str(path))} cannot be read: {error.strerror or error}",
            hint=remedy(error),
        ) from error


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Convert errors about a truncated or invalid archive to a ProjectError."""
    try:
        yield
    except (tarfile.TarError, EOFError, ValueError, KeyError) as error:
        why = str(error) or "it ends too early"
        if isinstance(error, EOFError) or "end of" in why or "truncated" in why:
            why = f"it is cut off ({why})"
        raise _unfit(path, why) from error


def _unfit(path: Path, why: str) -> ProjectError:
    return ProjectError(f"the image archive {excerpt(str(path))} cannot be used: {why}", hint=_HINT)
