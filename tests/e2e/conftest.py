"""The engine and the base image that docker tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from astro_ci.image.engine import Engine, connect
from tests.e2e.images import runtime_image


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    connected = connect(os.environ)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def base(engine: Engine) -> Iterator[str]:
    """A stand-in for Astro Runtime, gone afterwards."""
    with runtime_image(engine) as name:
        yield name
