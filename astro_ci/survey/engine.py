"""Connect to the Docker Engine, with hints in the words of the CI system."""

from __future__ import annotations

from collections.abc import Mapping

from astro_ci.ci import system_in
from astro_ci.image.engine import Engine, NoEngineError, connect


def connect_engine(env: Mapping[str, str]) -> Engine:
    """Find the Docker Engine. Raises DockerError, which says how to get an engine here."""
    try:
        return connect(env)
    except NoEngineError as error:
        error.hint = f"{system_in(env).engine_hint} {error.hint}"
        raise
