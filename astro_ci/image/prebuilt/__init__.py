"""Images that somebody built already: one module for each place that they come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from astro_ci.image.engine import Engine
from astro_ci.image.source import ImageSource

__all__ = ["choose_source"]

ConnectEngine = Callable[[Mapping[str, str]], Engine]


def choose_source(
    name: str, archive: Path | None, env: Mapping[str, str], connect_engine: ConnectEngine
) -> ImageSource | None:
    """Pick the source that the options name; None where the image is built. Nothing is opened."""
    if archive:
        from astro_ci.image.prebuilt.archive import ArchivedImage

        return ArchivedImage(archive, env, connect_engine)
    if name:
        from astro_ci.image.prebuilt.named import NamedImage

        return NamedImage(name, env, connect_engine)
    return None
