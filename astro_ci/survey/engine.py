"""Connect to the Docker Engine, with hints in the words of the CI system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from astro_ci.ci import system_here

if TYPE_CHECKING:  # loaded when an engine is needed
    from astro_ci.image.engine import Engine


def connect_engine(env: Mapping[str, str]) -> Engine:
    """Find the Docker Engine. Raises DockerError, which says how to get an engine here."""
    from astro_ci.image.engine import NoEngineError, connect

    try:
        return connect(env)
    except NoEngineError as error:
        error.hint = f"{system_here(env).engine_hint} {error.hint}"
        raise
