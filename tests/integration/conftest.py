"""What most integration tests share: a sandbox, and a project beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.stage import Stage, stage


@pytest.fixture
def astro() -> Iterator[Sandbox]:
    """A sandbox whose rollouts take no time."""
    with Sandbox(rollout_seconds=0) as sandbox:
        yield sandbox


@pytest.fixture
def world(tmp_path: Path, astro: Sandbox) -> Stage:
    """A project with commits, and an environment that points at the sandbox."""
    return stage(tmp_path, astro)
