"""Pull the image that a Deployment runs, with the credentials that push to it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from astro_ci.errors import RegistryError
from astro_ci.image.engine import Engine
from astro_ci.text import crossed_out

PLATFORM = "linux/amd64"
"""The platform on which Astro runs images."""


@contextmanager
def pulled(
    engine: Engine,
    repository: str,
    tag: str,
    *,
    password: Callable[[], str],
    username: str = "cli",
) -> Iterator[str]:
    """Pull `repository:tag` into the engine for the time of the block, and yield its name.

    An image that the engine had before stays; otherwise it is removed. Raises RegistryError.
    """
    name = f"{repository}:{tag}"
    if _has(engine, name):
        yield name
        return
    try:
        _pull(engine, repository, tag, username, password().removeprefix("Bearer "))
        yield name
    finally:
        engine.remove_image(name)


def pull_digest(
    engine: Engine,
    repository: str,
    digest: str,
    *,
    password: Callable[[], str],
    username: str = "cli",
) -> str:
    """Pull an image, and return its new name; empty when the engine had it before.

    Raises RegistryError.
    """
    name = f"{repository}@{digest}"
    if _has(engine, name):
        return ""
    _pull(engine, repository, digest, username, password().removeprefix("Bearer "))
    return name


def _has(engine: Engine, name: str) -> bool:
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    try:
        engine.client.images.get(name)
    except ImageNotFound:
        return False
    except (DockerException, RequestException) as error:
        raise RegistryError(f"looking for the image {name} failed: {error}") from error
    return True


def _pull(engine: Engine, repository: str, tag: str, username: str, secret: str) -> None:
    from docker.errors import DockerException
    from requests import RequestException

    try:
        engine.client.images.pull(
            repository,
            tag=tag,
            platform=PLATFORM,
            auth_config={"username": username, "password": secret},
        )
    except (DockerException, RequestException) as error:
        login = base64.b64encode(f"{username}:{secret}".encode()).decode().rstrip("=")
        text = crossed_out(str(getattr(error, "explanation", None) or error), (secret, login))
        raise RegistryError(
            f"the image {repository}:{tag}, which the Deployment runs, could not be pulled: {text}",
            hint="Check that the token may read the Deployment's image.",
        ) from None
