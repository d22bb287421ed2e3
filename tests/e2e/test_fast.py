"""Deploys without a build: the running image, with the code of the checkout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.e2e.runtime import Runtime, runtime
from tests.integration.stage import Run, Stage, stage

pytestmark = pytest.mark.docker

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}


@pytest.fixture(scope="module")
def base(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with runtime(engine, tmp_path_factory.mktemp("runtime")) as made:
        yield made


class World:
    """A project whose image runs, built with --fast."""

    def __init__(self, made: Stage, base: Runtime, directory: Path) -> None:
        self.stage, self.base, self.project = made, base, made.project
        self.login = base.login(directory / "docker")

    def deploy(self, *arguments: str, env: Mapping[str, str] | None = None) -> Run:
        return self.stage.command(
            "deploy", "--json", *arguments, env={**self.stage.env, **self.login, **(env or {})}
        )

    def plan(self, *arguments: str) -> dict[str, Any]:
        run = self.stage.command("plan", "--json", *arguments, env={**self.stage.env, **self.login})
        assert run.code == 0, run.err
        return run.document


@pytest.fixture
def world(base: Runtime, tmp_path: Path) -> Iterator[World]:
    with Sandbox(rollout_seconds=0.05) as astro:
        made = stage(tmp_path, astro)
        made.project.write(
            {"Dockerfile": f"FROM {base.name}\nENV A=1\n", "include/b.sql": "select 2\n"}
        )
        made.project.git("remote", "add", "origin", "https://git.example.com/acme/airflow.git")
        made.project.commit("first")
        found = World(made, base, tmp_path)
        first = found.deploy("--fast", "auto")
        assert first.code == 0, first.err
        assert first.document["fast"]["made"] == "built"
        yield found


def test_a_change_of_code_is_live_without_an_engine(world: World) -> None:
    world.project.write({"include/q.sql": "select 3\n", "include/new/x.sql": "select 4\n"})
    world.project.root.joinpath("include/b.sql").unlink()
    world.project.commit("code")
    run = world.deploy("--fast", "require", env=NO_ENGINE)
    assert run.code == 0, run.err
    fast = run.document["fast"]
    assert fast == {
        "mode": "require",
        "possible": True,
        "reasons": [],
        "made": "replaced",
        "differences": None,
    }
    assert run.document["outcome"] == "deployed"
