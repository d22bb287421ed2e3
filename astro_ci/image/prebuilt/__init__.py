"""Prebuilt images: one module for each kind of source."""

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
    """Choose the source that the options name; None when this run builds the image.

    Registry logins in files of `checkout` are not used.
    """
    if archive:
        from astro_ci.image.prebuilt.without_engine import StoredArchive

        return StoredArchive(archive, env, connect_engine)
    if name:
        from astro_ci.image.prebuilt.anywhere import FoundImage

        return FoundImage(name, env, connect_engine, checkout=checkout)
    return None
