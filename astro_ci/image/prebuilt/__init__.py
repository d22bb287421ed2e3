"""Images that somebody built already: one module for each place that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from astro_ci.image.engine import Engine
from astro_ci.image.source import ImageSource

__all__ = ["choose_source"]

ConnectEngine = Callable[[Mapping[str, str]], Engine]


def choose_source(
    name: str,
    archive: Path | None,
    env: Mapping[str, str],
    connect_engine: ConnectEngine,
    *,
    checkout: Path | None = None,
) -> ImageSource | None:
    """Pick the source that the options name; None where the image is built.

    Logins to registries that lie in `checkout` are not used.
    """
    if archive:
        from astro_ci.image.prebuilt.without_engine import StoredArchive

        return StoredArchive(archive, env, connect_engine)
    if name:
        from astro_ci.image.prebuilt.anywhere import FoundImage

        return FoundImage(name, env, connect_engine, checkout=checkout)
    return None
