"""What the tests of the examples share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.surfaces.examples.machine import Packages, World


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Packages:
    base = tmp_path_factory.getbasetemp()
    # The test processes of a run share the directory above theirs.
    shared = base if worker_id == "master" else base.parent
    return Packages.make(shared / "packages-of-examples")


@pytest.fixture
def world(tmp_path: Path, packages: Packages) -> Iterator[World]:
    with Sandbox(rollout_seconds=0) as astro:
        yield World.make(tmp_path, astro, packages)
