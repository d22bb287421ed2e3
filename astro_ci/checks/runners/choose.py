"""Choose where a check runs: in the image that is named, else with an Airflow of this job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from astro_ci.checks.runners.docker import DockerRunner
from astro_ci.checks.runners.job import Runner
from astro_ci.checks.runners.local import LocalRunner, find_python
from astro_ci.errors import CheckFailedError, ConfigurationError
from astro_ci.image.engine import connect

Kind = Literal["auto", "docker", "local"]
KINDS: tuple[Kind, ...] = ("auto", "docker", "local")


@contextmanager
def choose_runner(
    kind: Kind, *, image: str, python: str, env: Mapping[str, str], visible: Mapping[str, str]
) -> Iterator[Runner]:
    """Choose for as long as the block lasts. `visible` is the environment without credentials.

    Raises CheckFailedError when there is no Airflow, ConfigurationError for a contradiction,
    DockerError when no engine answers.
    """
    if kind == "local" and image:
        raise ConfigurationError(
            "--image-name and --runner local contradict each other",
            hint="Leave out one of them.",
        )
    if image:
        engine = connect(env)
        try:
            yield DockerRunner(engine=engine, image=image, python=python)
        finally:
            engine.close()
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
