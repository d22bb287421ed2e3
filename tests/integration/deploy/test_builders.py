"""An image is built where, from what, and as which stage the options say, without an engine here.

The docker command only notes how it is called; real builders are in tests/e2e.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.stage import Run, Stage, stage
from tests.recording_docker import RecordingDocker, recording_docker
from tests.unit.image.stored.archives import (
    BASE,
    CODE,
    config,
    program,
    saved_files,
    tar,
    write_tar,
)

CLUSTER = """\
Name:   team
Driver: kubernetes

Nodes:
Name:     team0
Endpoint: kubernetes:///team?deployment=team0&kubeconfig=
Status:   running
"""
REMOTE = "Driver: remote\nNodes:\nEndpoint: tcp://user:hidden-word@buildkitd.internal:1234\n"
SECRET = "fR5nV0pQ8sT2wX4z"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        made.project.write(
            {
                "Dockerfile": "FROM scratch\n",
                "docker/Dockerfile.prod": "FROM scratch AS base\nFROM base AS final\n",
                "docker/Dockerfile.prod.dockerignore": "secrets/\n.git\n",
                "secrets/key": "x",
                ".dockerignore": "include/\n.git\n",
            }
        )
        made.project.commit("one")
        yield made


@pytest.fixture
def docker(tmp_path: Path) -> RecordingDocker:
    archive = tmp_path / "built.tar"
    write_tar(archive, saved_files())
    builders = {"team": CLUSTER, "remote": REMOTE}
    return recording_docker(tmp_path / "bin", builders=builders, archive=archive)


def run(world: Stage, docker: RecordingDocker, *arguments: str, **env: str) -> Run:
    nowhere = {
        "DOCKER_HOST": "unix:///nonexistent/docker.sock",
        "PATH": f"{docker.directory}:/usr/bin:/bin",
        "DOCKER_CONFIG": str(docker.directory),
    }
    return world.command(*arguments, env={**world.env, **nowhere, **env})


def refused(world: Stage, docker: RecordingDocker, *arguments: str, code: int) -> dict[str, Any]:
    """Deploy, and see that nothing came of it; return the error of the document."""
    before = world.state()
    done = run(world, docker, "deploy", "--json", *arguments)
    assert done.code == code, done.err
    assert world.state() == before
    assert not world.astro.deploys("production")
    error: dict[str, Any] = done.document["error"]
    assert error["hint"]
    return error


def test_a_cluster_builds_and_no_engine_is_needed(world: Stage, docker: RecordingDocker) -> None:
    done = run(
        world,
        docker,
        "deploy",
        "--json",
        "--builder=team",
        "--target=final",
        "--dockerfile=docker/Dockerfile.prod",
        "--cache-from=type=registry,ref=r.example/cache:main",
        "--cache-from=r.example/app:latest",
        f"--cache-to=type=s3,bucket=b,secret_access_key={SECRET}",
        ASTRO_CI_PARSE="",
    )
    assert done.code == 0, done.err
    assert (
        "Build the image with the builder team (driver kubernetes at kubernetes:///team)"
        in done.err
    )
    assert SECRET not in done.err
    assert world.astro.image_config("production") == json.loads(config(BASE, CODE))
    (call,) = docker.calls
    assert call[:3] == ["buildx", "build", "--builder=team"]
    assert "--load" not in call
    (output,) = [word for word in call if word.startswith("--output=")]
    assert output.startswith('--output=type=docker,"dest=')
    assert call[call.index("--platform") + 1] == "linux/amd64"
    assert {
        "--target=final",
        "--cache-from=type=registry,ref=r.example/cache:main",
        "--cache-from=r.example/app:latest",
        f"--cache-to=type=s3,bucket=b,secret_access_key={SECRET}",
        "--provenance=false",
        "--sbom=false",
    } <= set(call)
    assert call[-3:] == ["--file", "docker/Dockerfile.prod", "-"]
    with tarfile.open(fileobj=io.BytesIO((docker.directory / "context.tar").read_bytes())) as sent:
        names = set(sent.getnames())
    assert {"include/q.sql", "docker/Dockerfile.prod", "Dockerfile"} <= names
    assert "secrets/key" not in names, "the ignore file beside the Dockerfile counts"
    assert not any(name.startswith("dags") for name in names)


def test_what_the_built_image_is_for_is_checked(
    world: Stage, tmp_path: Path, docker: RecordingDocker
) -> None:
    write_tar(tmp_path / "built.tar", saved_files(tar({"bin/sh": program(183)}), CODE))
    error = refused(world, docker, "--builder=team", code=3)
    assert "its programs are for arm64" in error["message"]


def test_the_login_of_an_endpoint_is_not_shown(world: Stage, docker: RecordingDocker) -> None:
    done = run(world, docker, "deploy", "--builder=remote", "--verbose")
    assert done.code == 0, done.err
    assert "remote (driver remote at tcp://***@buildkitd.internal:1234)" in done.err
    assert "hidden-word" not in done.err


def test_the_builder_of_the_environment_is_told(world: Stage, tmp_path: Path) -> None:
    """Without --builder an engine is needed, and none answers here."""
    docker = recording_docker(tmp_path / "bin")
    error = refused(world, docker, code=4)
    assert "no Docker Engine answers" in error["message"]
    assert docker.calls == []


def test_a_builder_that_does_not_exist(world: Stage, docker: RecordingDocker) -> None:
    error = refused(world, docker, "--builder=other", code=4)
    assert error["message"] == 'the builder other cannot be used: no builder "other" found'
    assert "docker buildx create" in error["hint"]
    assert docker.calls == []


def test_a_docker_command_without_buildx(world: Stage, tmp_path: Path) -> None:
    docker = recording_docker(tmp_path / "bin", usage="Usage: docker COMMAND")
    error = refused(world, docker, "--builder=team", code=4)
    assert error["message"].startswith("--builder needs docker's buildx plugin")
    assert "docker-buildx-plugin" in error["hint"]


def test_a_build_that_fails_on_the_builder(world: Stage, tmp_path: Path) -> None:
    said = ("#4 [2/2] RUN false", "#4 0.1 no luck", "#4 ERROR: process: exit code: 1")
    docker = recording_docker(tmp_path / "bin", builders={"team": CLUSTER}, says=said, code=1)
    error = refused(world, docker, "--builder=team", code=4)
    assert "RUN false ended with exit code 1" in error["message"]
    assert "no luck" in error["message"]


def test_a_builder_that_leaves_no_image(world: Stage, tmp_path: Path) -> None:
    docker = recording_docker(tmp_path / "bin", builders={"team": CLUSTER})
    error = refused(world, docker, "--builder=team", code=4)
    assert "left no image" in error["message"]


def test_no_option_becomes_a_flag_of_docker(world: Stage, docker: RecordingDocker) -> None:
    for option in (
        "--builder=--allow=security.insecure",
        "--target=--network=host",
        "--dockerfile=-",
        "--cache-from=--push",
    ):
        assert run(world, docker, "deploy", option).code == 2
    assert docker.calls == []


def test_a_stage_that_the_dockerfile_lacks_is_refused_by_the_plan(
    world: Stage, docker: RecordingDocker
) -> None:
    done = run(world, docker, "plan", "--target=production")
    assert done.code == 3
    assert "Dockerfile has no stage production, which --target names" in done.err


def test_a_dockerfile_that_is_not_there(world: Stage, docker: RecordingDocker) -> None:
    error = refused(world, docker, "--builder=team", "--dockerfile=docker/none", code=3)
    assert "has no docker/none" in error["message"]
    assert "--dockerfile" in error["hint"]


def test_no_link_leads_the_dockerfile_out_of_the_repository(
    world: Stage, tmp_path: Path, docker: RecordingDocker
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "Dockerfile").write_text("FROM stranger\n")
    (world.project.root / "elsewhere").symlink_to(outside)
    (world.project.root / "Link").symlink_to(outside / "Dockerfile")
    world.project.commit("links")
    for named in ("Link", "elsewhere/Dockerfile"):
        error = refused(world, docker, "--builder=team", f"--dockerfile={named}", code=3)
        assert "leads out of the repository" in error["message"]
    assert docker.calls == []


def test_a_link_within_the_repository_is_followed(world: Stage, docker: RecordingDocker) -> None:
    (world.project.root / "elsewhere").symlink_to("docker")
    world.project.commit("a link")
    named = "--dockerfile=elsewhere/Dockerfile.prod"
    done = run(world, docker, "deploy", "--builder=team", named)
    assert done.code == 0, done.err
    (call,) = docker.calls
    assert call[-1] != "-", "a copy, as the tar cannot hold what lies behind the link"


def test_stage_and_dockerfile_belong_to_the_image_and_the_builder_does_not(
    world: Stage, docker: RecordingDocker
) -> None:
    def planned(*arguments: str) -> str:
        kind: str = run(world, docker, "plan", "--json", *arguments).document["deploy_type"]
        return kind

    chosen = ("--dockerfile=docker/Dockerfile.prod", "--target=final")
    assert run(world, docker, "deploy", "--builder=team", *chosen).code == 0
    assert planned(*chosen) == "none"
    assert planned(*chosen[:1]) == "image-and-dags"
    assert planned() == "image-and-dags"
    again = run(
        world, docker, "deploy", "--json", "--builder=remote", "--cache-from=a/b:c", *chosen
    )
    assert again.document["outcome"] == "skipped", again.err
    # Its own ignore file and the Dockerfile are files of the build, wherever they lie.
    world.project.write({"docker/Dockerfile.prod.dockerignore": "secrets/\n.git\ndocker/\n"})
    world.project.commit("ignore")
    assert planned(*chosen) == "image-and-dags"
