"""What the canary tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.canary.job import CanaryJob
from tests.integration.forge import serve


@pytest.fixture
def job(tmp_path: Path) -> Iterator[CanaryJob]:
    """A job with secrets everywhere."""
    with Sandbox(rollout_seconds=0) as astro, serve() as forge:
        yield CanaryJob.prepare(tmp_path, astro, forge)
