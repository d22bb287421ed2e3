"""What the tests of the examples share."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.once import once
from tests.surfaces.examples.machine import Packages, World


@pytest.fixture(scope="session")
def packages(shared_directory: Path, wheel: Path) -> Packages:
    make = functools.partial(Packages.make, wheel=wheel)
    made = once(shared_directory / "packages-of-examples", make)
    return Packages.of(made)


@pytest.fixture
def world(tmp_path: Path, packages: Packages) -> Iterator[World]:
    with Sandbox(rollout_seconds=0) as astro:
        yield World.make(tmp_path, astro, packages)
