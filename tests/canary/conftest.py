"""What the canary tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine, connect
from astro_ci.sandbox import Sandbox
from tests.canary.job import CanaryJob
from tests.e2e.images import runtime_image
from tests.integration.forge import serve


@pytest.fixture
def job(tmp_path: Path) -> Iterator[CanaryJob]:
    """A job with secrets everywhere."""
    with Sandbox(rollout_seconds=0) as astro, serve() as forge:
        yield CanaryJob.prepare(tmp_path, astro, forge)


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The Docker Engine of this machine."""
    connected = connect(os.environ)
    yield connected
    connected.close()


@pytest.fixture(scope="session")
def base(engine: Engine) -> Iterator[str]:
    """A stand-in for Astro Runtime, gone afterwards."""
    with runtime_image(engine) as name:
        yield name
