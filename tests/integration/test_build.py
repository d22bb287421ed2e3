"""`build` without an engine: a named builder builds. The docker command notes how it is called."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploy.test_builders import docker, run, world
from tests.integration.registry.odd import OddRegistry
from tests.integration.registry.test_sources import docker_login
from tests.integration.stage import Stage
from tests.recording_docker import RecordingDocker
from tests.unit.image.stored.archives import BASE, CODE, config

__all__ = ["docker", "world"]  # fixtures

BUILDER = ("build", "--json", "--builder=team")
STAGE = ("--target=final", "--dockerfile=docker/Dockerfile.prod", "--cache-from=r.example/app:1")


@pytest.fixture
def odd() -> Iterator[OddRegistry]:
    made = OddRegistry()
    made.login = "basic"
    with made.running():
        yield made


def test_a_builder_fills_a_file_and_a_registry(
    world: Stage, docker: RecordingDocker, odd: OddRegistry, tmp_path: Path
) -> None:
    archive, name = tmp_path / "image.tar", f"{odd.host}/team/etl:1"
    login = docker_login(tmp_path, odd.host)["DOCKER_CONFIG"]
    words = (*BUILDER, *STAGE, "--save", str(archive), "--push", name)
    done = run(world, docker, *words, ASTRO_API_TOKEN="", DOCKER_CONFIG=login)
    assert done.code == 0, done.err
    found = done.document
    assert found["reference"] == f"{name}@{found['digest']}"
    assert odd.manifests["team/etl", found["digest"]] == odd.manifests["team/etl", "1"]
    (call,) = docker.calls
    assert "--target=final" in call
    assert "--cache-from=r.example/app:1" in call
    assert any(f"revision={world.project.head}" in word for word in call)

    nobody = run(world, docker, "deploy", "--json", "--image-archive", str(archive))
    assert nobody.code == 0, nobody.err
    assert world.astro.image_config("production") == json.loads(config(BASE, CODE))


def test_a_registry_that_refuses_gets_nothing(
    world: Stage, docker: RecordingDocker, odd: OddRegistry
) -> None:
    done = run(world, docker, *BUILDER, "--push", f"{odd.host}/team/etl:1")
    assert done.code == 4
    assert "refused" in done.document["error"]["message"]
    assert "docker login" in done.document["error"]["hint"]
    assert not odd.manifests


def test_without_an_engine_there_has_to_be_a_place(world: Stage, docker: RecordingDocker) -> None:
    done = run(world, docker, *BUILDER)
    assert done.code == 2
    assert "no Docker Engine answers" in done.document["error"]["message"]
    assert "--save FILE or --push NAME" in done.document["error"]["hint"]
    assert not docker.calls, "nothing is built in vain"
    without = run(world, docker, "build", "--save", "image.tar")
    assert without.code == 4
    assert "no Docker Engine answers" in without.err


def test_a_check_that_needs_an_engine_is_not_passed(
    world: Stage, docker: RecordingDocker, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    done = run(world, docker, *BUILDER, "--save", str(archive), "--parse")
    assert done.code == 6
    assert "the parse check was not possible" in done.document["error"]["message"]
    assert not archive.exists()


def test_the_archive_of_an_earlier_build_is_gone_when_the_build_fails(
    world: Stage, docker: RecordingDocker, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    done = run(world, docker, *BUILDER, "--save", str(archive))
    assert done.code == 0, done.err
    plan = json.loads((docker.directory / "plan.json").read_text())
    (docker.directory / "plan.json").write_text(json.dumps({**plan, "code": 1, "says": ["bad"]}))
    done = run(world, docker, *BUILDER, "--save", str(archive))
    assert done.code == 4
    assert not archive.exists(), "a later job would deploy it"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".image")] == []
