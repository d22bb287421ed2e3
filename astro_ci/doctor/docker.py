"""Check the Docker Engine and its builder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from astro_ci.doctor.check import Steps, not_checked, ok, problem, warning
from astro_ci.errors import DockerError
from astro_ci.image.building.builder import find_builder, version_of
from astro_ci.image.building.docker_config import private_config
from astro_ci.image.engine import Engine
from astro_ci.survey.engine import connect_engine

Need = Literal["no", "maybe", "yes"]

OF_ENGINE = ("builder", "platform", "disk")
_GIB = 1024**3
_LITTLE_GIB = 5


def engine(env: Mapping[str, str], *, need: Need, needs_buildkit: bool) -> Steps[None]:
    """Check whether an image can be built here, if the next deploy needs one."""
    if need == "no":
        yield ok("engine", "not needed: this deploy builds no image")
        return
    try:
        found = connect_engine(env)
    except DockerError as error:
        if need == "yes":
            yield problem("engine", error)
        else:
            message = f"{error.message}; a deploy that needs an image would fail here"
            yield warning("engine", message, error.hint)
        for name in OF_ENGINE:
            yield not_checked(name, "there is no engine")
        return
    try:
        yield from _examine(found, env, needs_buildkit=needs_buildkit)
    finally:
        found.close()


def _examine(found: Engine, env: Mapping[str, str], *, needs_buildkit: bool) -> Steps[None]:
    name = "Podman" if found.is_podman else "Docker Engine"
    yield ok("engine", f"{name} {found.version} at {found.host}")
    yield from _builder(found, env, needs_buildkit=needs_buildkit)
    info = _info(found)
    yield from platform(str(info.get("Architecture", "")))
    yield from _disk(found, str(info.get("DockerRootDir", "")))


def _builder(found: Engine, env: Mapping[str, str], *, needs_buildkit: bool) -> Steps[None]:
    if found.is_podman:
        yield ok("builder", "Podman's own")
        return
    with private_config(env) as command_env:
        builder = find_builder(command_env)
        version = version_of(builder, command_env) if builder else ""
    if builder:
        yield ok("builder", f"BuildKit: {version or builder.arguments[0]}")
        return
    hint = "Install docker's buildx plugin in the job's image."
    missing = "no docker command with BuildKit: the engine's classic builder is used"
    if needs_buildkit:
        error = DockerError(f"{missing}, and the Dockerfile needs BuildKit", hint=hint)
        yield problem("builder", error)
    else:
        message = f"{missing}, which supports neither RUN --mount nor COPY --chmod"
        yield warning("builder", message, hint)


def platform(architecture: str) -> Steps[None]:
    """Check whether the engine builds for the platform of Astro."""
    if architecture in ("x86_64", "amd64"):
        yield ok("platform", "linux/amd64, the same as Astro's")
    else:
        yield warning(
            "platform",
            f"the engine runs on {architecture or 'an unknown architecture'}, so images for "
            "Astro's linux/amd64 are built in emulation: slowly, or not at all",
            "Use a runner with an x86-64 processor, or install QEMU's binfmt handlers on this one.",
        )


def _disk(found: Engine, root: str) -> Steps[None]:
    is_here = found.host.startswith("unix://") and bool(root) and Path(root).is_dir()
    place = root if is_here else tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    message = f"{free / _GIB:.1f} GiB free at {place}"
    if free < _LITTLE_GIB * _GIB:
        yield warning("disk", message, "Free some space: images of Astro Runtime need a few GiB.")
    else:
        yield ok("disk", message)


def _info(found: Engine) -> Mapping[str, Any]:
    from docker.errors import DockerException
    from requests import RequestException

    try:
        info: Mapping[str, Any] = found.client.info()
    except (DockerException, RequestException) as error:
        raise DockerError(f"the Docker Engine at {found.host} does not answer: {error}") from error
    return info
