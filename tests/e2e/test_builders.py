"""Images that a BuildKit elsewhere builds, and engines that are reached over TCP and SSH."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.e2e.builders import (
    add_builder,
    buildkitd,
    docker_config,
    engine_over_ssh,
    engine_over_tcp,
    podman,
)
from tests.e2e.images import RUNTIME_LABEL
from tests.e2e.test_deploy import images, pull
from tests.integration.stage import Run, Stage, stage

pytestmark = pytest.mark.docker

# Nothing is pulled, as a daemon knows no image of the engine.
DOCKERFILE = f"""\
FROM scratch AS code
COPY include /usr/local/airflow/include
FROM code AS runtime
LABEL {RUNTIME_LABEL}=13.1.0
FROM runtime AS test
COPY requirements.txt /usr/local/airflow/tests/
"""
INSIDE = {"include/q.sql": b"select 1\n"}
NO_ENGINE = "unix:///nonexistent/docker.sock"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        made.project.write({"docker/Dockerfile.prod": DOCKERFILE})
        made.project.commit("stages")
        yield made


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A configuration of docker with a builder `team` whose daemon runs."""
    directory = tmp_path_factory.mktemp("builders")
    made = docker_config(directory / "docker")
    with buildkitd(directory / "buildkit") as endpoint:
        add_builder(made, "team", endpoint)
        add_builder(made, "away", f"unix://{directory}/nobody.sock")
        yield made


def deploy(world: Stage, *arguments: str, **env: str) -> Run:
    chosen = ("deploy", "--json", "--dockerfile=docker/Dockerfile.prod", *arguments)
    return world.command(*chosen, env={**world.env, **env})


def test_a_builder_elsewhere_gives_its_image_to_the_engine(
    world: Stage, engine: Engine, config: Path
) -> None:
    before = images(engine, world)
    run = deploy(world, "--builder=team", "--target=runtime", DOCKER_CONFIG=str(config))
    assert run.code == 0, run.err
    assert "Build the image with the builder team (driver remote at unix://" in run.err
    assert pull(engine, world) == INSIDE
    assert images(engine, world) == before
    assert not any(config.joinpath("buildx", "refs").rglob("*")), "its own notes are not written"


def test_without_an_engine_the_image_is_sent_by_astro_ci_and_the_caches_are_used(
    world: Stage, engine: Engine, config: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    chosen = ("--builder=team", "--target=runtime", f"--cache-to=type=local,dest={cache}")
    env = {"DOCKER_CONFIG": str(config), "DOCKER_HOST": NO_ENGINE}
    run = deploy(world, *chosen, **env)
    assert run.code == 0, run.err
    assert pull(engine, world) == INSIDE
    assert (cache / "index.json").is_file()
    again = deploy(
        world, "--builder=team", "--target=test", f"--cache-from=type=local,src={cache}", **env
    )
    assert again.code == 0, again.err
    assert again.document["deploy_type"] == "image-and-dags"
    assert set(pull(engine, world)) == {*INSIDE, "tests/requirements.txt"}


def test_a_daemon_that_is_not_there(world: Stage, config: Path) -> None:
    run = deploy(world, "--builder=away", DOCKER_CONFIG=str(config))
    assert run.code == 4, run.err
    assert "the image was not built" in run.document["error"]["message"]
    assert "away (driver remote at unix://" in run.document["error"]["hint"]
    assert not world.astro.deploys("production")


def test_the_engines_own_builder_refuses_a_cache_with_its_reason(
    world: Stage, config: Path, tmp_path: Path
) -> None:
    place = f"--cache-to=type=local,dest={tmp_path}/cache"
    run = deploy(world, place, DOCKER_CONFIG=str(config))
    assert run.code == 4, run.err
    assert "Cache export is not supported for the docker driver" in run.document["error"]["message"]


def test_a_stage_of_the_engines_builder(world: Stage, engine: Engine) -> None:
    run = deploy(world, "--target=test")
    assert run.code == 0, run.err
    assert set(pull(engine, world)) == {*INSIDE, "tests/requirements.txt"}


def test_a_stage_of_the_classic_builder(world: Stage, engine: Engine, tmp_path: Path) -> None:
    run = deploy(world, "--target=runtime", PATH=git_alone(tmp_path / "bin"))
    assert run.code == 0, run.err
    assert "Build the image with the classic builder of the Docker Engine" in run.err
    assert pull(engine, world) == INSIDE


def git_alone(directory: Path) -> str:
    """Make a directory for PATH in which there is no docker."""
    directory.mkdir()
    for name in ("git", "sh"):
        found = next(p for d in os.environ["PATH"].split(":") if (p := Path(d, name)).exists())
        (directory / name).symlink_to(found)
    return str(directory)


def test_an_engine_over_tcp(world: Stage, engine: Engine) -> None:
    with engine_over_tcp() as host:
        run = deploy(world, "--target=runtime", DOCKER_HOST=host)
    assert run.code == 0, run.err
    assert f" at {host}" in run.err
    assert pull(engine, world) == INSIDE


def test_an_engine_over_ssh(world: Stage, engine: Engine, tmp_path: Path) -> None:
    with engine_over_ssh(tmp_path / "ssh") as (host, directory):
        path = f"{directory}:{os.environ['PATH']}"
        run = deploy(world, "--target=runtime", DOCKER_HOST=host, PATH=path)
        left = subprocess.run(["pgrep", "-f", str(directory.parent)], capture_output=True)
        refused = deploy(world, DOCKER_HOST=host.replace("@", "x@"), PATH=path)
    assert run.code == 0, run.err
    # The log may cross out the user as a login.
    assert f"@{host.partition('@')[2]}" in run.err
    assert pull(engine, world) == INSIDE
    assert len(left.stdout.split()) == 1, "the server itself, and no client"
    assert refused.code == 4
    assert "Permission denied" in refused.document["error"]["message"]


def test_podman_builds_a_stage_and_pushes_it(world: Stage, engine: Engine, tmp_path: Path) -> None:
    with podman(tmp_path / "podman", world.astro.registry) as host:
        run = deploy(world, "--target=runtime", DOCKER_HOST=host)
        refused = deploy(world, "--target=test", "--cache-to=type=inline", DOCKER_HOST=host)
    assert run.code == 0, run.err
    assert "Build the image with Podman " in run.err
    assert pull(engine, world) == INSIDE
    assert refused.code == 4
    message = refused.document["error"]["message"]
    assert message == "--cache-to needs docker's buildx plugin, and Podman builds without it"


def test_a_builder_elsewhere_gives_its_image_to_podman(
    world: Stage, engine: Engine, config: Path, tmp_path: Path
) -> None:
    with podman(tmp_path / "podman", world.astro.registry) as host:
        run = deploy(
            world,
            "--builder=team",
            "--target=runtime",
            DOCKER_HOST=host,
            DOCKER_CONFIG=str(config),
        )
    assert run.code == 0, run.err
    assert "Build the image with the builder team" in run.err
    assert pull(engine, world) == INSIDE
