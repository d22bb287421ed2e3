"""A prebuilt image on the engine or in a registry; the engine is used only if necessary."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from astro_ci.errors import ConfigurationError, DockerError, RegistryError
from astro_ci.image.engine import Engine
from astro_ci.image.prebuilt.named import NamedImage, find_id
from astro_ci.image.prebuilt.without_engine import RegistryImage
from astro_ci.image.source import ReadyImage
from astro_ci.text import sentence

log = logging.getLogger(__name__)

ConnectEngine = Callable[[Mapping[str, str]], Engine]


class FoundImage:
    """An image by its name: from the engine, else from its registry, read without the engine.

    The engine comes first, because a job that builds an image and names it means its own image.
    """

    def __init__(
        self,
        reference: str,
        env: Mapping[str, str],
        connect_engine: ConnectEngine,
        *,
        checkout: Path | None = None,
    ) -> None:
        self.reference = reference
        self._on_engine = NamedImage(reference, env, connect_engine)
        self._in_registry = RegistryImage(reference, env, connect_engine, checkout=checkout)
        self._env = env
        self._connect = connect_engine
        self._ready: ReadyImage | None = None

    def fetch(self) -> ReadyImage:
        """Find the image. Raises DockerError, RegistryError, ProjectError, ConfigurationError.

        When the registry refuses, the engine tries to pull the image if an engine answers: it may
        have a mirror, or allow a registry without TLS.
        """
        if self._ready is None:
            self._ready = self._find()
        return self._ready

    def close(self) -> None:
        """Remove the image if `fetch` pulled it to this machine."""
        self._on_engine.close()
        self._in_registry.close()
        self._ready = None

    def _find(self) -> ReadyImage:
        absent = ""
        try:
            if self._engine_has_it():
                return self._on_engine.fetch()
        except DockerError as error:
            log.info("%s; looking for %s in its registry", error, self.reference)
            absent = str(error)
        try:
            return self._in_registry.fetch()
        except (RegistryError, ConfigurationError) as error:
            if not absent:
                log.info("%s; letting the Docker Engine pull it", error)
                return self._on_engine.fetch()
            error.hint = (
                f"{sentence(error.hint)} An image that this job built would be on its Docker "
                f"Engine, and none answered: {absent}."
            ).strip()
            raise

    def _engine_has_it(self) -> bool:
        engine = self._connect(self._env)
        try:
            return find_id(engine, self.reference) is not None
        finally:
            engine.close()
