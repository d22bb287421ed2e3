"""The external services and the clock of a deploy, as arguments that tests can replace."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from astro_ci.astro.upload import Uploader
from astro_ci.web.session import Patience

if TYPE_CHECKING:  # loaded when an image is built
    from astro_ci.image.engine import Engine


def connect_engine(env: Mapping[str, str]) -> Engine:
    """Find the Docker Engine. Raises DockerError."""
    from astro_ci.survey.engine import connect_engine

    return connect_engine(env)


class Tools(Struct, frozen=True, kw_only=True):
    """The uploader, the Docker Engine, the retry policy and the clock of a deploy."""

    uploader: Uploader = field(default_factory=Uploader)
    connect_engine: Callable[[Mapping[str, str]], Engine] = connect_engine
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], float] = time.monotonic
    clock: Callable[[], float] = time.time
    """The time of day, in seconds, for what Astro is told."""
