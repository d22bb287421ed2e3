"""Write a built image to an archive, completely or not at all, and tag an image on an engine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from astro_ci.errors import DockerError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.image.on_engine import EngineImage
from astro_ci.image.source import ReadyImage
from astro_ci.image.stored.archive import read_archive
from astro_ci.image.stored.files import open_files
from astro_ci.image.stored.ready import StoredImage

_PIECE_BYTES = 2 << 20


def save(image: ReadyImage, path: Path, name: str) -> int:
    """Write the archive to a temporary file, verify it, and move it to `path`.

    Returns the archive's size in bytes.
    """
    with _replaced(path) as (file, beside):
        if isinstance(image, EngineImage):
            with _named(image.engine, image.name, name):
                for piece in _exported(image.engine, name):
                    file.write(piece)
        else:
            assert isinstance(image, StoredImage)  # noqa: S101 - there are the two
            assert image.path  # noqa: S101 - an archive of a builder
            with image.path.open("rb") as built:
                shutil.copyfileobj(built, file, _PIECE_BYTES)
        file.flush()
        os.fsync(file.fileno())
        size = file.tell()
        _require_whole(beside, image)
    return size


def _exported(engine: Engine, name: str) -> Iterator[bytes]:
    from docker.errors import DockerException
    from requests import RequestException

    try:
        yield from engine.client.api.get_image(name, _PIECE_BYTES)
    except (DockerException, RequestException) as error:
        raise DockerError(
            f"the Docker Engine could not export the image {name}: {error}"
        ) from error


def _require_whole(path: Path, image: ReadyImage) -> None:
    """Raise DockerError when the archive is not the whole image, as after a lost connection."""
    with tempfile.TemporaryDirectory(prefix="astro-ci-") as scratch:
        try:
            found = read_archive(open_files(path, Path(scratch)), Path(scratch))
        except ProjectError as error:
            raise DockerError(
                f"the image was written to a file that cannot be read: {error.message}",
                hint="Run the command again.",
            ) from error
        exported = f"sha256:{hashlib.sha256(found.config).hexdigest()}"
    # With containerd, an image's id is that of its manifest, which an export does not keep.
    is_other = exported != image.facts.id
    if is_other and isinstance(image, EngineImage) and image.engine.uses_containerd_store():
        return
    if is_other:
        raise DockerError(
            f"the image {exported} was exported instead of {image.facts.id}",
            hint="Run the command again, and look for what else names images on this engine.",
        )


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Give a temporary file that replaces `path` at the end, or is deleted after an error."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            yield file, beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(engine: Engine, local: str, name: str) -> Iterator[None]:
    """Tag the image with the archive's name for the block."""
    had = tag(engine, local, name)
    try:
        yield
    finally:
        if not had:
            engine.untag(name)


def tag(engine: Engine, local: str, name: str) -> bool:
    """Tag an image, and return whether it already had the tag. Raises DockerError."""
    from docker.errors import DockerException
    from requests import RequestException

    repository, _, word = name.rpartition(":")
    try:
        image = engine.client.images.get(local)
        had = name in image.tags
        image.tag(repository, word)
    except (DockerException, RequestException) as error:
        raise DockerError(f"the image could not be named {name}: {error}") from error
    return had
