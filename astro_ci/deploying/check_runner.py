"""Find an Airflow for the checks of a deploy: in its image, this job, or the running image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.errors import CheckFailedError, DockerError, RegistryError
from astro_ci.image.presence import has_image
from astro_ci.model import Deployment
from astro_ci.project.platform import platform_of
from astro_ci.reporting.secret_texts import without_secrets

if TYPE_CHECKING:  # imported only when there is an Airflow
    from astro_ci.checks.runners import DockerRunner, LocalRunner, Runner
    from astro_ci.image.engine import Engine
    from astro_ci.image.source import ReadyImage

log = logging.getLogger(__name__)

HOME_IN_RUNTIME = "/usr/local/airflow"


class Surroundings(Struct, frozen=True, kw_only=True):
    """The places where a deploy can find Airflow."""

    env: Mapping[str, str]
    deployment: Deployment
    """The Deployment before the deploy."""
    shipped: ReadyImage | None
    """The image of this deploy; None for a deploy of only DAGs."""
    connect_engine: Callable[[Mapping[str, str]], Engine]
    password: Callable[[], str]
    """Returns the registry's password."""
    is_far: bool = False
    """Whether this deploy's image is in a registry, and shares layers with the running image. The
    image is pulled if the engine has the running image, or if the user asked for a check."""

    def __repr__(self) -> str:
        """Return a text without the environment, which may hold secrets."""
        return f"Surroundings(deployment={self.deployment!r}, shipped={self.shipped!r})"

    @property
    def remedy(self) -> str:
        """Say what `--parse` does where there is no Airflow: a clause."""
        if self.shipped:
            return "--parse loads them in this deploy's image, on a Docker Engine"
        return "--parse pulls the running image, and loads them in it"

    @contextmanager
    def runner(self, *, is_asked: bool) -> Iterator[Runner | None]:
        """Give a runner for the duration of the block.

        None when no Airflow is available and the user asked for no check. Raises CheckFailedError,
        DockerError or RegistryError when a requested check is not possible.
        """
        if self.shipped and self.is_far and not is_asked and not self._has_running_image():
            yield None
            return
        if self.shipped:
            yield self._in_shipped(self.shipped, is_asked=is_asked)
            return
        is_local = self._has_running_image()
        if not is_local and (local := self._runtime_of_this_job()):
            yield local
        elif is_local or is_asked:
            with self._image_that_runs() as found:
                yield found
        else:
            yield None

    def _in_shipped(self, image: ReadyImage, *, is_asked: bool) -> Runner | None:
        """Make a runner for this deploy's image, which may first be copied to the engine."""
        from astro_ci.checks.runners import in_image

        try:
            return in_image(image)
        except (CheckFailedError, DockerError, RegistryError) as error:
            if is_asked:
                raise
            log.info("no container of the image could be made: %s", error)
            return None

    def _running_image(self) -> str:
        deployment = self.deployment
        named = deployment.image_repository and deployment.image_tag
        return f"{deployment.image_repository}:{deployment.image_tag}" if named else ""

    def _has_running_image(self) -> bool:
        running = self._running_image()
        return bool(running) and has_image(self.env, running)

    def _runtime_of_this_job(self) -> LocalRunner | None:
        """Return the interpreter of the job's own Runtime image, if its Airflow version fits."""
        if self.env.get("AIRFLOW_HOME") != HOME_IN_RUNTIME or not Path(HOME_IN_RUNTIME).is_dir():
            return None
        from astro_ci.checks.runners import LocalRunner, find_python
        from astro_ci.checks.runners.local import airflow_version

        visible = without_secrets(self.env)
        python = find_python(visible)
        wanted = platform_of(self.deployment.astro_runtime_version).airflow
        if python is None or wanted is None or airflow_version(python, visible) != wanted:
            return None
        return LocalRunner(python=python, env=visible)

    @contextmanager
    def _image_that_runs(self) -> Iterator[DockerRunner]:
        from astro_ci.checks.runners import DockerRunner
        from astro_ci.image.registry.pull import pulled

        if not self._running_image():
            raise CheckFailedError(
                f"no image runs on the Deployment {self.deployment.name} yet, so there is no "
                "Airflow to check the DAGs with"
            )
        engine = self.connect_engine(self.env)
        try:
            with pulled(
                engine,
                self.deployment.image_repository,
                self.deployment.image_tag,
                password=self.password,
            ) as name:
                yield DockerRunner(engine=engine, image=name)
        finally:
            engine.close()
