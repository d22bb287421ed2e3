"""Choose where a check runs: in the named image, else with this machine's Airflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from astro_ci.checks.runners.docker import DockerRunner
from astro_ci.checks.runners.job import Runner
from astro_ci.checks.runners.local import LocalRunner, find_python
from astro_ci.errors import CheckFailedError, ConfigurationError
from astro_ci.image.engine import Engine, connect
from astro_ci.image.prebuilt import choose_source
from astro_ci.image.source import ReadyImage

Kind = Literal["auto", "docker", "local"]
KINDS: tuple[Kind, ...] = ("auto", "docker", "local")


def in_image(image: ReadyImage, *, python: str = "") -> DockerRunner:
    """Make a runner for an image. Raises CheckFailedError when no engine has the image."""
    if image.local is None:
        raise CheckFailedError(
            f"the image {image.facts.reference} is on no Docker Engine, so that no container could "
            "be made of it"
        )
    engine, name = image.local
    return DockerRunner(engine=engine, image=name, named=image.facts.reference, python=python)


@contextmanager
def choose_runner(
    kind: Kind,
    *,
    image: str,
    archive: Path | None = None,
    python: str,
    env: Mapping[str, str],
    visible: Mapping[str, str],
    connect_engine: Callable[[Mapping[str, str]], Engine] | None = None,
) -> Iterator[Runner]:
    """Give a runner for the duration of the block.

    `visible` is the environment without credentials. Raises CheckFailedError when Airflow is not
    found, ConfigurationError when the options contradict each other, DockerError when no engine
    answers, and the errors of the image's source.
    """
    if image and archive:
        raise ConfigurationError(
            "--image-name and --image-archive are both set", hint="Name the image once."
        )
    if kind == "local" and (image or archive):
        flag = "--image-name" if image else "--image-archive"
        raise ConfigurationError(
            f"{flag} and --runner local contradict each other", hint="Leave out one of them."
        )
    if source := choose_source(image, archive, env, connect_engine or connect):
        try:
            yield in_image(source.fetch(), python=python)
        finally:
            source.close()
        return
    if kind == "docker":
        raise ConfigurationError(
            "--runner docker needs an image", hint="Name an image with --image-name."
        )
    found = find_python(visible, python)
    if found is None:
        raise CheckFailedError(
            "there is no Airflow to load DAG files with: no image is named, and no Python on "
            "PATH has apache-airflow",
            hint="Name an Astro Runtime image with --image-name, run this job in such an image, "
            "or set --python to an interpreter that has apache-airflow.",
        )
    yield LocalRunner(python=found, env=visible)
