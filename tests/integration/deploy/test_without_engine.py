"""Prebuilt images are deployed on a machine that has no Docker Engine at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.registry.images import MemoryImage
from tests.integration.registry.odd import PASSWORD, Exchange, OddRegistry
from tests.integration.registry.test_sources import docker_login, stored
from tests.integration.stage import Run, Stage, stage
from tests.unit.image.stored.archives import (
    BASE,
    CODE,
    config,
    layout_files,
    program,
    saved_files,
    tar,
    write_directory,
    write_tar,
)

NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock", "PATH": "/usr/bin:/bin"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        made.project.commit("one")
        yield made


@pytest.fixture
def odd() -> Iterator[OddRegistry]:
    made = OddRegistry()
    with made.running():
        yield made


def run(world: Stage, *arguments: str, **env: str) -> Run:
    return world.command(*arguments, env={**world.env, **NO_ENGINE, **env})


def refused(world: Stage, *arguments: str, code: int, **env: str) -> dict[str, Any]:
    """Deploy, and see that nothing came of it; return the error of the document."""
    before, deploys = world.state(), len(world.astro.deploys("production"))
    done = run(world, "deploy", "--json", *arguments, **env)
    assert done.code == code, done.err
    assert world.state() == before
    assert len(world.astro.deploys("production")) == deploys
    error: dict[str, Any] = done.document["error"]
    assert error["message"] in done.err
    assert error["hint"]
    return error


@pytest.mark.parametrize("kind", ["docker save", "OCI archive", "OCI layout"])
def test_an_archive_is_deployed(world: Stage, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    if kind == "OCI layout":
        write_directory(path, layout_files())
    else:
        write_tar(path, saved_files() if kind == "docker save" else layout_files())
    done = run(world, "deploy", "--image-archive", str(path), "--json", ASTRO_CI_PARSE="")
    assert done.code == 0, done.err
    assert done.document["deploy_type"] == "image-and-dags"
    assert (
        "DAG files were not loaded, as there is no Airflow here (--parse loads them in this "
        "deploy's image, on a Docker Engine)"
    ) in done.err
    assert world.astro.image_config("production") == json.loads(config(BASE, CODE))
    assert world.running_dags() == world.checked_out_dags()
    again = run(world, "deploy", "--image-archive", str(path), "--json")
    assert again.document["outcome"] == "skipped", "compared by content"


def test_an_image_of_a_private_registry_is_deployed(
    world: Stage, odd: OddRegistry, tmp_path: Path
) -> None:
    odd.login, image = "bearer", MemoryImage()
    stored(odd, image)
    login = docker_login(tmp_path, odd.host)["DOCKER_CONFIG"]
    name = f"{odd.host}/team/app:1"
    planned = run(world, "plan", "--image-name", name, "--json", DOCKER_CONFIG=login)
    assert planned.document["deploy_type"] == "image-and-dags", planned.err
    assert not odd.requests("GET", image.manifest.layers[1].digest), "a plan reads what it needs"
    done = run(world, "deploy", "--image-name", name, "--json", DOCKER_CONFIG=login)
    assert done.code == 0, done.err
    assert world.astro.image_config("production") == image.config
    assert PASSWORD not in done.err


def test_a_registry_that_drops_in_the_middle_of_a_layer(world: Stage, odd: OddRegistry) -> None:
    image = MemoryImage([tar({"bin/sh": program(), "large": os.urandom(3_000_000)})])
    stored(odd, image)
    layer = image.manifest.layers[0].digest
    data = image.blobs[layer]

    def break_off(exchange: Exchange) -> bool:
        exchange.answer(200, data[: len(data) // 2], Content_Length=str(len(data)))
        exchange.close_connection = True
        return True

    odd.trouble(f"GET .*{layer}", lambda exchange: False)  # the look at a program
    odd.trouble(f"GET .*{layer}", break_off)
    done = run(world, "deploy", "--image-name", f"{odd.host}/team/app:1", "--image")
    assert done.code == 0, done.err
    assert world.astro.image_config("production") == image.config
    *whole, rest = (headers.get("Range", "") for _, path, headers in odd.asked if layer in path)
    assert whole == ["", ""]
    position = int(rest.removeprefix("bytes=").removesuffix("-"))
    assert 1_000_000 < position <= len(data) // 2, "it goes on where the connection broke"


def test_what_is_checked_without_an_engine(world: Stage, tmp_path: Path) -> None:
    cases: list[tuple[Callable[[], dict[str, bytes | str | None]], str]] = [
        (lambda: saved_files(told=config(BASE, CODE, architecture="arm64")), "linux/arm64"),
        (lambda: saved_files(told=config(BASE, CODE, os="windows")), "is for Windows"),
        (lambda: saved_files(told=config(BASE, CODE, config={})), "has no label"),
        (lambda: saved_files(tar({"bin/sh": program(183)})), "its programs are for arm64"),
        (lambda: {**saved_files(), "manifest.json": b"[]"}, "holds no image"),
        (lambda: {}, "cannot be used"),
    ]
    for number, (make, message) in enumerate(cases):
        path = write_tar(tmp_path / f"{number}.tar", make())
        error = refused(world, "--image-archive", str(path), "--image", code=3)
        assert message in error["message"]
    for path in (tmp_path / "none.tar", tmp_path / "0.tar" / "below"):
        assert "cannot be read" in refused(world, "--image-archive", str(path), code=3)["message"]


def test_a_downgrade_is_refused(world: Stage, tmp_path: Path) -> None:
    newer = saved_files(told=config(BASE, CODE, config={"Labels": LABELS | {LABEL: "13.2.0"}}))
    done = run(world, "deploy", "--image-archive", str(write_tar(tmp_path / "new.tar", newer)))
    assert done.code == 0, done.err
    old = write_tar(tmp_path / "old.tar", saved_files())
    error = refused(world, "--image-archive", str(old), "--redeploy", code=3)
    assert "does not downgrade" in error["message"]


LABEL = "io.astronomer.docker.runtime.version"
LABELS: dict[str, str] = {}


def test_registries_that_cannot_be_used(world: Stage, odd: OddRegistry, tmp_path: Path) -> None:
    name = f"{odd.host}/team/app:1"
    error = refused(world, "--image-name", name, code=4)
    assert "answered 404" in error["message"]
    assert "Docker Engine" in error["hint"], "an image of this job would be there"

    odd.login = "basic"
    error = refused(world, "--image-name", name, code=4)
    assert "refused the request" in error["message"]
    assert "docker login" in error["hint"]
    wrong = docker_login(tmp_path, odd.host, "wrong-password")["DOCKER_CONFIG"]
    error = refused(world, "--image-name", name, code=4, DOCKER_CONFIG=wrong)
    assert "has not expired" in error["hint"]

    odd.login = "none"
    page = b"<html>Log in</html>"
    odd.trouble("GET /v2/$", lambda e: e.answer(200, page, Content_Type="text/html"))
    assert "web page" in refused(world, "--image-name", name, code=4)["message"]

    image = MemoryImage()
    stored(odd, image)
    digest = image.manifest.digest
    odd.manifests["team/app", digest] = (image.manifest.media_type, image.manifest.raw + b" ")
    pinned = f"{odd.host}/team/app@{digest}"
    assert "other bytes than" in refused(world, "--image-name", pinned, code=4)["message"]
    assert "not the name" in refused(world, "--image-name", "ghcr.io/A B", code=2)["message"]


def test_a_layer_that_is_not_its_digest_never_goes_live(world: Stage, odd: OddRegistry) -> None:
    image = MemoryImage()
    stored(odd, image)
    layer = image.manifest.layers[1].digest
    odd.blobs["team/app", layer] = bytes(len(image.blobs[layer]))
    before, deploy = world.state(), ("deploy", "--json", "--image-name", f"{odd.host}/team/app:1")
    done = run(world, *deploy)
    assert done.code == 4
    error = done.document["error"]
    assert f"should be {layer} and is sha256:" in error["message"]
    assert error["hint"] == "Build or push the image again: the stored content is damaged."
    assert "was left unfinished, and the Deployment is unchanged" in done.err
    assert world.state() == before
    assert world.astro.tags("production") == [], "what was created has no image"
    (opened,) = world.astro.deploys("production")
    assert (opened.id, opened.status) == (done.document["deploy_id"], "INITIALIZED")
    assert opened.id in error["message"]

    odd.blobs["team/app", layer] = image.blobs[layer]
    again = run(world, *deploy)
    assert again.code == 0, again.err
    assert world.astro.image_config("production") == image.config


def test_several_deployments_get_each_layer_once(
    world: Stage, odd: OddRegistry, tmp_path: Path
) -> None:
    names = ("production", "development")
    entries = "".join(f"  {name}: {{branches: main}}\n" for name in names)
    world.project.write({"astro-ci.yaml": f"deployments:\n{entries}"})
    world.project.commit("two Deployments")
    image = MemoryImage()
    stored(odd, image)
    uploads = world.astro.faults.add("PUT", "/blobs/uploads/", status=None, times=None)
    done = run(
        world,
        *("deploy", "--json", "--image-name", f"{odd.host}/team/app:1"),
        ASTRO_CI_DEPLOYMENT_NAME="",
    )
    assert done.code == 0, done.err
    assert uploads.hits == len(image.blobs)
    assert len(odd.requests("GET", "/manifests/")) == 1, "the tag is read once for both"
    for name in names:
        assert world.astro.image_config(name) == image.config
