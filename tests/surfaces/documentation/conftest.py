"""A project that is deployed already, with a changed DAG; and a shell that finds our command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.deployed import DEPLOYMENT, deploy_first
from tests.repository import Repository
from tests.surfaces.documentation.documents import ROOT

Shell = Callable[..., str]


@pytest.fixture
def astro() -> Iterator[Sandbox]:
    with Sandbox(rollout_seconds=0.1) as astro:
        yield astro


@pytest.fixture
def variables(astro: Sandbox) -> dict[str, str]:
    """What points a command at the sandbox."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ASTRO_API_URL": astro.api_url,
        "ASTRO_API_TOKEN": astro.token,
        "ASTRO_DEPLOYMENT_ID": astro.deployment(DEPLOYMENT).id,
    }


@pytest.fixture
def project(astro: Sandbox, variables: dict[str, str], tmp_path: Path) -> Repository:
    """The example project, which runs, with a changed DAG."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "examples" / "astro-project", root)
    repository = Repository.create(root)
    repository.git("remote", "add", "origin", "https://github.com/ada/analytics.git")
    repository.commit("first")
    deploy_first(astro, repository, {**os.environ, **variables})
    with (root / "dags" / "orders.py").open("a") as file:
        file.write("# changed\n")
    repository.commit("second")
    return repository


@pytest.fixture
def shell() -> Shell:
    """Run a script as a shell does, and return what it printed; a command that fails ends it."""

    def run(script: str, *, cwd: Path, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"
        return done.stdout

    return run
