"""Fixtures of the deploy tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine, connect
from astro_ci.sandbox import Sandbox
from tests.e2e.images import runtime_image
from tests.integration.deploy.support import Job


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A project beside a sandbox whose rollouts take no time."""
    with Sandbox(rollout_seconds=0) as astro:
        yield Job.prepare(tmp_path, astro)


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


@pytest.fixture
def full(job: Job, base: str) -> Job:
    """A project that an image can be built from."""
    job.project.write({"Dockerfile": f"FROM {base}\n"})
    job.project.commit("a base image that is there")
    return job
