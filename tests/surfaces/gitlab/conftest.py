"""What a job on GitLab finds: our templates, our package, a sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.stage import FILES
from tests.repository import Repository
from tests.surfaces.gitlab.runner import COMMAND, TEMPLATES, Runner
from tests.surfaces.tools import need


@pytest.fixture
def runner(tmp_path: Path, wheel: Path) -> Iterator[Runner]:
    """A repository that has our templates in `ci/`."""
    need(COMMAND)
    templates = {f"ci/{path.name}": path.read_text() for path in TEMPLATES.iterdir()}
    with Sandbox(rollout_seconds=0.1) as astro:
        yield Runner(
            astro=astro,
            repository=Repository.create(tmp_path / "repository", {**FILES, **templates}),
            wheel=wheel,
            home=tmp_path,
        )
