"""An image in a `docker save` archive, which is loaded for the deploy and removed afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

from astro_ci.errors import DockerError
from astro_ci.image.building.process import chunks_of
from astro_ci.image.checks import check_platform
from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from astro_ci.image.on_engine import EngineImage
from astro_ci.image.prebuilt.named import checked_image, find_id
from astro_ci.image.prebuilt.saved import Saved, read_saved, write_nameless
from astro_ci.text import Regex

log = logging.getLogger(__name__)

_LOADED = Regex(r"Loaded image ID: (sha256:[0-9a-f]{64})")


class ArchivedImage:
    """The only image of an archive. It is loaded into the engine without its names."""

    def __init__(
        self,
        path: Path,
        env: Mapping[str, str],
        connect_engine: Callable[[Mapping[str, str]], Engine],
    ) -> None:
        self.reference = str(path)
        self._path = path
        self._env = env
        self._connect = connect_engine
        self._engine: Engine | None = None
        self._ready: EngineImage | None = None
        self._loaded = ""

    def fetch(self) -> EngineImage:
        """Load the image, unless the engine has it already.

        Raises ProjectError for a truncated archive or an image that Astro could not run;
        DockerError.
        """
        if self._ready is None:
            saved = read_saved(self._path)
            check_platform(_facts(saved, self.reference))
            self._engine = self._engine or self._connect(self._env)
            if find_id(self._engine, saved.id) is None:
                self._loaded = saved.id
                self._loaded = self._load(self._engine) or saved.id
            name = self._loaded or saved.id
            self._ready = checked_image(self._engine, name, named=self.reference)
        return self._ready

    def close(self) -> None:
        """Remove the image if it was loaded."""
        if self._engine is None:
            return
        if self._loaded:
            self._engine.remove_image(self._loaded)
        self._engine.close()
        self._engine = self._ready = None

    def _load(self, engine: Engine) -> str:
        """Load the image into the engine, and return its id there."""
        from docker.errors import DockerException
        from requests import RequestException

        log.info("loading the image of %s into the Docker Engine", self.reference)
        loaded = ""
        try:
            with chunks_of(partial(write_nameless, self._path)) as chunks:
                messages = cast("Callable[..., Iterator[Any]]", engine.client.api.load_image)
                for message in messages(chunks):
                    if "error" in message:
                        raise DockerError(_failed(self.reference, str(message["error"])))
                    if told := _LOADED.search(str(message.get("stream", ""))):
                        loaded = told[1]
        except (DockerException, RequestException) as error:
            text = str(getattr(error, "explanation", None) or error)
            raise DockerError(_failed(self.reference, text)) from error
        return loaded


def _failed(reference: str, text: str) -> str:
    return f"the Docker Engine could not load the image archive {reference}: {text.strip()}"


def _facts(saved: Saved, reference: str) -> ImageFacts:
    return ImageFacts(
        reference=reference,
        id=saved.id,
        os=saved.os,
        architecture=saved.architecture,
        runtime_version=None,
    )
