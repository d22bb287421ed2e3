"""An image on an engine, ready to be pushed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from astro_ci.image.inspection import list_dag_files
from astro_ci.image.registry.push import push_image
from astro_ci.image.source import Destination, LocalImage


class EngineImage(Struct, frozen=True, kw_only=True):
    """A `ReadyImage` on an engine. Only this run uses `name`, so that no other program moves it."""

    engine: Engine
    name: str
    facts: ImageFacts

    @property
    def local(self) -> LocalImage:
        """Return the image itself, which is on an engine already."""
        return LocalImage(self.engine, self.name)

    def dag_files(self) -> Sequence[str] | None:
        """List the files where Airflow looks for DAGs; None when the image could not be read."""
        return list_dag_files(self.engine, self.name)

    def push(
        self,
        to: Destination,
        *,
        password: Callable[[], str],
        on_progress: Callable[[int, int], None],
        sleep: Callable[[float], None],
    ) -> str:
        """Let the engine push the image. Raises RegistryError."""
        return push_image(
            self.engine, self.name, *to, password=password, on_progress=on_progress, sleep=sleep
        )

    def withdraw(self, to: Destination) -> None:
        """Remove the name that a push gave to the image, when the push hangs and cannot do so."""
        self.engine.remove_image(f"{to.repository}:{to.tag}")
