"""Keep a built image for a later job: in an archive, in a registry, or on the engine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from msgspec import Struct

from astro_ci.building.look import Source
from astro_ci.errors import ConfigurationError, DockerError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.image.on_engine import EngineImage
from astro_ci.image.registry.credentials import login_for
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.push import push_image
from astro_ci.image.registry.reference import Reference, parse_reference
from astro_ci.image.stored.archive import is_saved, read_archive
from astro_ci.image.stored.files import open_files
from astro_ci.project.files import repository_root
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.text import Regex, excerpt, short, size_text

_PIECE_BYTES = 2 << 20
_LOGIN_HINT = "Log in to the registry earlier in this job, with `docker login`."


class Kept(Struct, frozen=True, kw_only=True):
    """Where the image is now; see reporting.built.BuiltImage."""

    name: str = ""
    digest: str = ""
    archive: str = ""


class Keep(Struct, frozen=True, kw_only=True):
    """Where to keep the image; without an archive and a registry, on the engine."""

    save_to: Path | None
    push_to: Reference | None
    login: Login | None
    """For the registry; None to ask as nobody."""

    def keep(
        self,
        image: EngineImage,
        source: Source,
        *,
        console: Console,
        sleep: Callable[[float], None],
    ) -> Kept:
        """Keep the image. Raises DockerError, RegistryError, ProjectError, OSError."""
        digest = archive = ""
        name = local_name(source)
        if self.push_to:
            digest = self._push(image, self.push_to, console, sleep)
            host, path, tag = self.push_to.host, self.push_to.name, self.push_to.reference
            name = f"{host}/{path}:{tag}"
        if self.save_to:
            with console.phase(Phase.SAVE):
                size = _save(image, self.save_to, name)
            console.did(Phase.SAVE, f"saved the image, {size_text(size)}")
            archive = str(self.save_to)
        if not (self.push_to or self.save_to):
            _tag(image.engine, image.name, name)
        return Kept(name="" if archive and not digest else name, digest=digest, archive=archive)

    def _push(
        self,
        image: EngineImage,
        to: Reference,
        console: Console,
        sleep: Callable[[float], None],
    ) -> str:
        login = self.login
        with console.transfers() as transfer:
            digest = push_image(
                image.engine,
                image.name,
                f"{to.host}/{to.name}",
                to.reference,
                username=login.username if login else "",
                password=login.password if login else "",
                hint=login.hint if login else _LOGIN_HINT,
                on_progress=transfer(Phase.PUSH),
                sleep=sleep,
            )
        console.did(Phase.PUSH, f"pushed the image as {to}")
        return digest


def where_to_keep(
    save_to: Path | None, push_to: str, env: Mapping[str, str], *, project: Path
) -> Keep:
    """Read the options, and refuse what cannot work before anything is built.

    Raises ConfigurationError, and RegistryError when a credential helper fails.
    """
    target = login = None
    if push_to:
        target = parse_reference(push_to)
        if "@" in push_to:
            raise ConfigurationError(
                f"--push {excerpt(push_to)} names a digest, which the push decides",
                hint="Give the image a tag instead: --push REGISTRY/NAME:TAG.",
            )
        checkout = repository_root(project.absolute())
        login = login_for(target.host, env, checkout=checkout)
    if save_to:
        _refuse_place(save_to, env)
    return Keep(save_to=save_to, push_to=target, login=login)


def local_name(source: Source) -> str:
    """Name the image on the engine: by its project and its commit."""
    checkout = source.checkout
    project = Regex(r"[^a-z0-9]+").sub("-", checkout.project.root.name.lower()).strip("-")
    dirty = "-dirty" if source.uncommitted else ""
    return f"astro-ci/{project or 'image'}:{short(checkout.head.sha)}{dirty}"


def _refuse_place(path: Path, env: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a place that no archive is written to.

    An image archive is replaced, so that a command can be repeated. No other file is.
    """
    shown = f"--save {excerpt(str(path))}"
    if path.is_dir():
        raise ConfigurationError(
            f"{shown} is a directory", hint="Name a file in it, such as image.tar."
        )
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"{shown} cannot be written: there is no directory {excerpt(str(path.parent))}",
            hint="Create the directory first, or name a file in one that exists.",
        )
    if not os.access(path.parent, os.W_OK):
        raise ConfigurationError(
            f"{shown} cannot be written: this job may not write to {excerpt(str(path.parent))}",
            hint="Name a file in a directory that the job may write to.",
        )
    if path.is_symlink() or (path.exists() and not _is_archive(path, env)):
        raise ConfigurationError(
            f"{shown} exists and is not an image archive, so it is not replaced",
            hint="Name another file, or remove this one first.",
        )


def _is_archive(path: Path, env: Mapping[str, str]) -> bool:
    with tempfile.TemporaryDirectory(prefix="astro-ci-", dir=env.get("TMPDIR")) as scratch:
        try:
            return is_saved(open_files(path, Path(scratch)))
        except ProjectError:
            return False


def _save(image: EngineImage, path: Path, name: str) -> int:
    """Write the archive beside its place, look at it, and then put it there; return its size."""
    with _named(image.engine, image.name, name), _replaced(path) as (file, beside):
        for piece in _exported(image.engine, name):
            file.write(piece)
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


def _require_whole(path: Path, image: EngineImage) -> None:
    """Raise DockerError when the archive is not the image, as when the engine broke off."""
    with tempfile.TemporaryDirectory(prefix="astro-ci-") as scratch:
        try:
            found = read_archive(open_files(path, Path(scratch)), Path(scratch))
        except ProjectError as error:
            raise DockerError(
                f"the Docker Engine exported an image that cannot be read: {error.message}",
                hint="Run the command again.",
            ) from error
        exported = f"sha256:{hashlib.sha256(found.config).hexdigest()}"
    # An engine with containerd names images by their manifests, which an export does not keep.
    if exported != image.facts.id and not image.engine.uses_containerd_store():
        raise DockerError(
            f"the Docker Engine exported the image {exported} instead of {image.facts.id}",
            hint="Run the command again, and look for what else names images on this engine.",
        )


@contextlib.contextmanager
def _replaced(path: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Write to a file beside, which takes the place of `path` at the end, or goes."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as file:
            yield file, beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextlib.contextmanager
def _named(engine: Engine, local: str, name: str) -> Iterator[None]:
    """Give the image the name that the archive holds, for a block."""
    had = _tag(engine, local, name)
    try:
        yield
    finally:
        if not had:
            engine.untag(name)


def _tag(engine: Engine, local: str, name: str) -> bool:
    """Name an image, and say whether it had that name before. Raises DockerError."""
    from docker.errors import DockerException
    from requests import RequestException

    repository, _, tag = name.rpartition(":")
    try:
        image = engine.client.images.get(local)
        had = name in image.tags
        image.tag(repository, tag)
    except (DockerException, RequestException) as error:
        raise DockerError(f"the image could not be named {name}: {error}") from error
    return had
