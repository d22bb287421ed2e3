"""Learn what the programs of a base image were compiled for, while an image is built on it.

Looking into the built image afterwards would take as long as a small build.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

from msgspec.structs import replace

from astro_ci.errors import ConfigurationError, DockerError
from astro_ci.image.building.spec import Build
from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from astro_ci.image.inspection import inspect_image, look_into_image
from astro_ci.image.registry.reference import parse_reference
from astro_ci.project.dockerfile import base_image
from astro_ci.project.find import dockerfile_text, read_dockerfile
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 3.0
"""How long a build that fails waits for the look to end."""


@contextmanager
def looking_into_base(engine: Engine, build: Build) -> Iterator[Future[ImageFacts | None]]:
    """Look into the base image in the background; None when the engine does not have it yet."""
    content = read_dockerfile(build.root, build.dockerfile) or b""
    base = base_image(dockerfile_text(content), build.build_args, build.target)
    found = begin(lambda: _look(engine, base.reference if base else ""))
    try:
        yield found
    finally:
        wait([found], PATIENCE_SECONDS)  # it may have a container


def _look(engine: Engine, reference: str) -> ImageFacts | None:
    try:
        parse_reference(reference)  # a stranger's text becomes part of an address
        return look_into_image(engine, inspect_image(engine, reference))
    except (ConfigurationError, DockerError) as error:
        log.debug("the base image was not looked into: %s", error)
        return None


def look_into_built(
    engine: Engine, built: ImageFacts, base: Future[ImageFacts | None]
) -> ImageFacts:
    """Add what a program of a built image was compiled for.

    The answer for the base image counts when the first layers of the built image are its layers;
    else the built image is looked into.
    """
    found = base.result()
    if found and found.machine and found.layers == built.layers[: len(found.layers)]:
        return replace(built, machine=found.machine)
    return look_into_image(engine, built)
