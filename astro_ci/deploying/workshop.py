"""What the deploys of one run share: images are fetched and built once for many Deployments."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import Future, wait
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from astro_ci.configuration.config import Config
from astro_ci.errors import DockerError
from astro_ci.model import Request
from astro_ci.survey.image import image_source
from astro_ci.web.ahead import begin

if TYPE_CHECKING:  # loaded when there is an image
    from astro_ci.image.building.builder import Builder
    from astro_ci.image.engine import Engine
    from astro_ci.image.source import ImageSource, ReadyImage

PATIENCE_SECONDS = 3.0
"""How long a run that ends early waits for an engine to answer."""
ConnectEngine = Callable[[Mapping[str, str]], "Engine"]


class Workshop:
    """Keeps what was fetched and built until the run ends, and then takes it away again.

    Two Deployments share an image when all that it is made of is the same.
    """

    def __init__(self) -> None:
        self._held = ExitStack()
        self._sources: dict[Hashable, ImageSource | None] = {}
        self._images: dict[Hashable, ReadyImage | DockerError] = {}
        self._engine: Engine | None = None
        self._connecting: Future[Engine] | None = None
        self._builders: dict[str, Future[Builder | None]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()

    def source(
        self, config: Config, env: Mapping[str, str], connect_engine: ConnectEngine
    ) -> ImageSource | None:
        """Choose where the prebuilt image comes from; None where the image is built."""
        key = (config.project, config.image_name, config.image_archive)
        if key not in self._sources:
            source = self._held.enter_context(image_source(config, env, connect_engine))
            self._sources[key] = source
        return self._sources[key]

    def look_ahead(
        self, config: Config, env: Mapping[str, str], connect_engine: ConnectEngine
    ) -> None:
        """Ask for engine and builder while git and Astro answer, where an image is asked for.

        Under `auto` most deploys ship DAGs alone, and are not to wait for either.
        """
        is_asked = config.requested in (Request.IMAGE, Request.IMAGE_AND_DAGS)
        if not is_asked or config.is_prebuilt or config.dry_run or config.fast != "off":
            return
        self.builder(env, config.builder)
        if self._engine is None and self._connecting is None:
            self._connecting = begin(lambda: connect_engine(env))
            self._held.callback(self._disconnect, self._connecting)

    def engine(self, env: Mapping[str, str], connect_engine: ConnectEngine) -> Engine:
        """Connect to the engine, once. Raises DockerError."""
        if self._engine is None:
            connecting, self._connecting = self._connecting, None
            if connecting:
                self._engine = connecting.result()
            else:
                self._engine = connect_engine(env)
                self._held.callback(self._engine.close)
        return self._engine

    def builder(self, env: Mapping[str, str], name: str) -> Future[Builder | None]:
        """Look for the builder, once."""
        from astro_ci.image.building.build import looking_for_builder

        if name not in self._builders:
            self._builders[name] = self._held.enter_context(looking_for_builder(env, name))
        return self._builders[name]

    @staticmethod
    def _disconnect(connecting: Future[Engine]) -> None:
        """Close what was connected to ahead, whether it was used or not."""
        wait([connecting], PATIENCE_SECONDS)
        if connecting.done() and not connecting.exception():
            connecting.result().close()

    def find(self, inputs: Hashable) -> ReadyImage | None:
        """Find the image that was built from the same inputs before.

        Raises DockerError when that build failed: it would fail again.
        """
        found = self._images.get(inputs)
        if isinstance(found, DockerError):
            raise found.saying(f"this run tried before, and {found.message}")
        return found

    def keep(self, inputs: Hashable, image: ReadyImage | DockerError) -> None:
        """Have an image, or why it was not built, found again.

        The run's end takes an image off the engine. Without inputs, nothing is found again.
        """
        if inputs is not None:
            self._images[inputs] = image

    def on_close(self, clean_up: Callable[[], None]) -> None:
        """Call this when the run ends."""
        self._held.callback(clean_up)
