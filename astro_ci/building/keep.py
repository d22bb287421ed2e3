"""Keep a built image for a later job: in an archive, in a registry, or on the engine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from astro_ci.building.archive import save, tag
from astro_ci.building.look import Source
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.image.on_engine import EngineImage
from astro_ci.image.registry.client import open_repository
from astro_ci.image.registry.credentials import login_for
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.push import push_image
from astro_ci.image.registry.reference import Reference, parse_reference
from astro_ci.image.registry.send import send_image
from astro_ci.image.source import ReadyImage
from astro_ci.image.stored.archive import is_saved
from astro_ci.image.stored.files import open_files
from astro_ci.image.stored.ready import StoredImage
from astro_ci.project.files import repository_root
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.text import Regex, excerpt, short, size_text
from astro_ci.web.session import Patience

_LOGIN_HINT = "Log in to the registry earlier in this job, with `docker login`."


class Kept(Struct, frozen=True, kw_only=True):
    """The places of the kept image; see reporting.built.BuiltImage."""

    name: str = ""
    digest: str = ""
    archive: str = ""


class Keep(Struct, frozen=True, kw_only=True):
    """The places for the image; without an archive and a registry, the engine."""

    save_to: Path | None
    push_to: Reference | None
    login: Login | None
    """The login for the registry; None for anonymous access."""

    def remove_older(self) -> None:
        """Remove the archive of an earlier build, which a later job would take for this build's."""
        if self.save_to:
            self.save_to.unlink(missing_ok=True)

    def require_place(self, engine: Engine | None) -> None:
        """Raise ConfigurationError when only an engine could keep the image, and there is none."""
        if engine is None and not (self.save_to or self.push_to):
            raise ConfigurationError(
                "no Docker Engine answers, on which the image could be kept",
                hint="Say where to keep the image, with --save FILE or --push NAME.",
            )

    def keep(
        self,
        image: ReadyImage,
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
            to = self.push_to
            name = f"{to.host}/{to.name}:{to.reference}"
        if self.save_to:
            with console.phase(Phase.SAVE):
                size = save(image, self.save_to, name)
            console.did(Phase.SAVE, f"saved the image, {size_text(size)}")
            archive = str(self.save_to)
        if isinstance(image, EngineImage) and not (self.push_to or self.save_to):
            tag(image.engine, image.name, name)
        return Kept(name="" if archive and not digest else name, digest=digest, archive=archive)

    def _push(
        self,
        image: ReadyImage,
        to: Reference,
        console: Console,
        sleep: Callable[[float], None],
    ) -> str:
        login = self.login
        with console.transfers() as transfer:
            if isinstance(image, EngineImage):
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
            else:
                digest = _send(image, to, login, transfer(Phase.PUSH), sleep)
        console.did(Phase.PUSH, f"pushed the image as {to}")
        return digest


def _send(
    image: ReadyImage,
    to: Reference,
    login: Login | None,
    on_progress: Callable[[int, int], None],
    sleep: Callable[[float], None],
) -> str:
    """Push an image that is not on an engine. Raises RegistryError."""
    assert isinstance(image, StoredImage)  # noqa: S101 - there are the two
    target = open_repository(to.host, to.name, login, Patience(sleep=sleep))
    try:
        return send_image(image.image, target, to.reference, on_progress=on_progress)
    finally:
        target.close()


def where_to_keep(
    save_to: Path | None, push_to: str, env: Mapping[str, str], *, project: Path
) -> Keep:
    """Read the options, and refuse unusable places before the build.

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
    """Return the image's name on the engine, made from its project and commit."""
    checkout = source.checkout
    project = Regex(r"[^a-z0-9]+").sub("-", checkout.project.root.name.lower()).strip("-")
    dirty = "-dirty" if source.uncommitted else ""
    return f"astro-ci/{project or 'image'}:{short(checkout.head.sha)}{dirty}"


def _refuse_place(path: Path, env: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a path to which no archive may be written.

    Only an existing image archive is replaced, so that the command can be repeated.
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
