"""Find the machine that a base image's programs are for, during the build of an image on it.

Reading the programs of the built image after the build would take as long as a small build.
"""

from __future__ import annotations

import logging
import threading
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
"""The time for which a failed build waits for the end of the look."""


@contextmanager
def looking_into_base(engine: Engine, build: Build) -> Iterator[Future[ImageFacts | None]]:
    """Read the base image in the background; None when the engine does not have it yet."""
    content = read_dockerfile(build.root, build.dockerfile) or b""
    base = base_image(dockerfile_text(content), build.build_args, build.target)
    is_over = threading.Event()
    found = begin(lambda: _look(engine, base.reference if base else "", is_over))
    try:
        yield found
    finally:
        wait([found], PATIENCE_SECONDS)  # it may have a container
        is_over.set()


def _look(engine: Engine, reference: str, is_over: threading.Event) -> ImageFacts | None:
    try:
        parse_reference(reference)  # a stranger's text becomes part of an address
        facts = inspect_image(engine, reference)
        with engine.awaited_by_close():
            # In this order: either the look sees the end of the build, or `close` waits for it.
            return None if is_over.is_set() else look_into_image(engine, facts)
    except (ConfigurationError, DockerError) as error:
        log.debug("the base image was not looked into: %s", error)
        return None


def look_into_built(
    engine: Engine, built: ImageFacts, base: Future[ImageFacts | None]
) -> ImageFacts:
    """Add the machine that a program of a built image was compiled for.

    The base image's machine is used if the built image starts with the layers of the base image;
    otherwise the programs of the built image are read.
    """
    found = base.result()
    if found and found.machine and found.layers == built.layers[: len(found.layers)]:
        return replace(built, machine=found.machine)
    return look_into_image(engine, built)
