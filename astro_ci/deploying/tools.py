"""The outside world of a deploy, as arguments: tests bring their own."""

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
    from astro_ci.image.engine import connect

    return connect(env)


class Tools(Struct, frozen=True, kw_only=True):
    """How to upload, to reach the Docker Engine, to be patient, and to tell the time."""

    uploader: Uploader = field(default_factory=Uploader)
    connect_engine: Callable[[Mapping[str, str]], Engine] = connect_engine
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], float] = time.monotonic
