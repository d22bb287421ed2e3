"""Fixtures of the deploy tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import Job


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A project beside a sandbox whose rollouts take no time."""
    with Sandbox(rollout_seconds=0) as astro:
        yield Job.prepare(tmp_path, astro)


@pytest.fixture
def full(job: Job, base: str) -> Job:
    """A project that an image can be built from."""
    job.project.write({"Dockerfile": f"FROM {base}\n"})
    job.project.commit("a base image that is there")
    return job
