"""Share images between the deploys of one run, so that each is fetched or built once."""

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

if TYPE_CHECKING:  # imported only for an image
    from astro_ci.image.building.builder import Builder
    from astro_ci.image.engine import Engine
    from astro_ci.image.source import ImageSource, ReadyImage

PATIENCE_SECONDS = 3.0
"""The time that a run which ends early waits for an engine to answer."""
ConnectEngine = Callable[[Mapping[str, str]], "Engine"]


class Workshop:
    """Keeps fetched and built images until the run ends, and then removes them.

    Two Deployments share an image when all inputs of the image are equal.
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
        """Return the source of the prebuilt image; None when the image is built."""
        key = (config.project, config.image_name, config.image_archive)
        if key not in self._sources:
            source = self._held.enter_context(image_source(config, env, connect_engine))
            self._sources[key] = source
        return self._sources[key]

    def look_ahead(
        self, config: Config, env: Mapping[str, str], connect_engine: ConnectEngine
    ) -> None:
        """Connect to engine and builder in the background, when the options ask for an image.

        With `auto` most deploys ship only DAGs, and must not wait for an engine or a builder.
        """
        is_asked = config.requested in (Request.IMAGE, Request.IMAGE_AND_DAGS)
        if not is_asked or config.is_prebuilt or config.dry_run or config.fast != "off":
            return
        self.builder(env, config.builder)
        if self._engine is None and self._connecting is None:
            self._connecting = begin(lambda: connect_engine(env))
            self._held.callback(self._disconnect, self._connecting)

    def engine(self, env: Mapping[str, str], connect_engine: ConnectEngine) -> Engine:
        """Connect to the engine once, and return the connection. Raises DockerError."""
        if self._engine is None:
            connecting, self._connecting = self._connecting, None
            if connecting:
                self._engine = connecting.result()
            else:
                self._engine = connect_engine(env)
                self._held.callback(self._engine.close)
        return self._engine

    def builder(self, env: Mapping[str, str], name: str) -> Future[Builder | None]:
        """Look for the builder once, in the background."""
        from astro_ci.image.building.build import looking_for_builder

        if name not in self._builders:
            self._builders[name] = self._held.enter_context(looking_for_builder(env, name))
        return self._builders[name]

    @staticmethod
    def _disconnect(connecting: Future[Engine]) -> None:
        """Close a connection that was made in advance, whether used or not."""
        wait([connecting], PATIENCE_SECONDS)
        if connecting.done() and not connecting.exception():
            connecting.result().close()

    def find(self, inputs: Hashable) -> ReadyImage | None:
        """Return the image that this run built from the same inputs; None when there is none.

        Raises the DockerError of an earlier build that failed, because the build would fail again.
        """
        found = self._images.get(inputs)
        if isinstance(found, DockerError):
            raise found.saying(f"this run tried before, and {found.message}")
        return found

    def keep(self, inputs: Hashable, image: ReadyImage | DockerError) -> None:
        """Store an image, or the error of its build, for `find`; store nothing without inputs."""
        if inputs is not None:
            self._images[inputs] = image

    def on_close(self, clean_up: Callable[[], None]) -> None:
        """Register a function to call when the run ends."""
        self._held.callback(clean_up)
