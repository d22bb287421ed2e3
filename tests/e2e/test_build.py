"""`build`: an image for a later job, in a file, in a registry or on the engine."""

from __future__ import annotations

import base64
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.e2e.images import registry, unique
from tests.e2e.test_prebuilt import id_of, running_id
from tests.integration.stage import Run, Stage, stage
from tests.repository import fingerprint

pytestmark = pytest.mark.docker

REVISION = "org.opencontainers.image.revision"


@pytest.fixture
def world(tmp_path: Path, base: str) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        made.project.write({"Dockerfile": f"FROM {base}\n", "include/x.txt": os.urandom(8).hex()})
        made.project.commit("an image of its own")
        yield made


def images(engine: Engine, world: Stage) -> set[str]:
    """What the engine has of the commit that is checked out: its names, else its id."""
    label = f"{REVISION}={world.project.head}"
    found = engine.client.images.list(filters={"label": label}, all=True)
    return {name for image in found for name in image.tags or [str(image.id)]}


def labels_of(world: Stage) -> dict[str, str]:
    """The labels of the image that runs."""
    config: Any = world.astro.image_config("production")
    return dict(config["config"]["Labels"])


def build(world: Stage, *arguments: str, **env: str) -> Run:
    """Build as a job without credentials of Astro does."""
    bare = {"HOME": str(world.project.root.parent), **env}
    return world.command("build", *arguments, env=bare)


def names_of(archive: Path) -> set[str]:
    """The files in the layers of a saved image."""
    found = set()
    with tarfile.open(archive) as saved:
        manifest = saved.extractfile("manifest.json")
        assert manifest
        for layer in json.loads(manifest.read())[0]["Layers"]:
            with tarfile.open(fileobj=saved.extractfile(layer)) as files:
                found |= {name.removeprefix("./") for name in files.getnames()}
    return found


def deploy_elsewhere(world: Stage, tmp_path: Path, *arguments: str) -> Run:
    """Deploy in a job without an engine."""
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none", "DOCKER_CONFIG": str(tmp_path)}
    return world.command("deploy", "--json", *arguments, env={**world.env, **nowhere})


@pytest.mark.smoke
def test_an_archive_goes_to_a_job_without_an_engine(
    world: Stage, engine: Engine, tmp_path: Path
) -> None:
    before, checkout = images(engine, world), fingerprint(world.project.root)
    archive = tmp_path / "image.tar"
    run = build(world, "--save", str(archive), "--json")
    assert run.code == 0, run.err
    found, head = run.document, world.project.head
    assert (found["archive"], found["reference"]) == (str(archive), "")
    assert (found["commit"], found["dirty"], found["runtime_version"]) == (head, False, "13.1.0")
    assert (images(engine, world), fingerprint(world.project.root)) == (before, checkout)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    deployed = deploy_elsewhere(world, tmp_path, "--image-archive", str(archive))
    assert deployed.code == 0, deployed.err
    assert deployed.document["image"]["commit"] == head
    assert running_id(world) == found["image_id"]
    assert labels_of(world)[REVISION] == head
    with tarfile.open(archive) as saved:
        manifest = saved.extractfile("manifest.json")
        assert manifest
        (name,) = json.loads(manifest.read())[0]["RepoTags"]
    assert name == f"astro-ci/project:{head[:7]}"
    # The same image again is no deploy.
    again = deploy_elsewhere(world, tmp_path, "--image-archive", str(archive))
    assert (again.code, again.document["outcome"]) == (0, "skipped")


def test_an_image_is_pushed_with_the_logins_of_docker(
    world: Stage, engine: Engine, tmp_path: Path
) -> None:
    before = images(engine, world)
    (tmp_path / "registry").mkdir()
    with registry(tmp_path / "registry") as store:
        login = base64.b64encode(f"cli:{store.password}".encode()).decode()
        auths = json.dumps({"auths": {store.host: {"auth": login}}})
        name = f"{store.host}/team/etl:{unique('t').rpartition(':')[2]}"
        refused = build(world, "--push", name)
        assert refused.code == 4
        assert f"the registry {store.host} refused the push" in refused.err
        assert "hint: Log in to the registry earlier in this job, with `docker login`." in (
            refused.err
        )
        run = build(world, "--push", name, "--json", DOCKER_AUTH_CONFIG=auths)
        assert run.code == 0, run.err
        assert store.password not in run.err
        found = run.document
        assert found["reference"] == f"{name}@{found['digest']}"
        assert images(engine, world) == before
        (tmp_path / "config.json").write_text(auths)
        deployed = deploy_elsewhere(world, tmp_path, "--image-name", found["reference"])
        assert deployed.code == 0, deployed.err
        assert deployed.document["image"]["commit"] == world.project.head
        assert running_id(world) == found["image_id"]


def test_without_a_place_the_engine_keeps_the_image(world: Stage, engine: Engine) -> None:
    before = images(engine, world)
    run = build(world)
    assert run.code == 0, run.err
    name = f"astro-ci/project:{world.project.head[:7]}"
    try:
        assert images(engine, world) == {*before, name}
        assert f"Deploy it with  astro-ci deploy --image-name {name}" in run.out
        deployed = world.command("deploy", "--json", "--image-name", name)
        assert deployed.code == 0, deployed.err
        assert running_id(world) == id_of(engine, name)
    finally:
        engine.remove_image(name)


def test_dags_are_in_the_image_when_that_is_asked_for(world: Stage, tmp_path: Path) -> None:
    to_classic = {**world.env, "ASTRO_CI_DEPLOYMENT_NAME": "classic"}
    archive = tmp_path / "image.tar"
    world.project.write(
        {
            "Dockerfile": (world.project.root / "Dockerfile").read_text()
            + "WORKDIR /usr/local/airflow\nCOPY . .\n"
        }
    )
    world.project.commit("copies itself")
    assert build(world, "--save", str(archive)).code == 0
    refused = world.command("deploy", "--image-archive", str(archive), env=to_classic)
    assert refused.code == 3
    run = build(world, "--save", str(archive), "--dags-in-image", "--json")
    assert run.code == 0, run.err
    assert run.document["dags_in_image"] is True
    deployed = world.command("deploy", "--image-archive", str(archive), env=to_classic)
    assert deployed.code == 0, deployed.err


def test_an_uncommitted_file_is_told_and_the_label_names_no_commit(
    world: Stage, tmp_path: Path
) -> None:
    archive = tmp_path / "image.tar"
    world.project.write({"dags/new.py": "new = 1\n"})
    clean = build(world, "--save", str(archive), "--json")
    assert (clean.document["dirty"], clean.document["uncommitted"]) == (False, [])
    world.project.write({"include/new.txt": "new\n"})
    run = build(world, "--save", str(archive), "--json")
    assert run.document["uncommitted"] == ["include/new.txt"]
    assert "so that its label names none: uncommitted include/new.txt" in run.err
    plan = world.command("plan", "--json", "--image-archive", str(archive))
    assert plan.document["image"]["commit"] == ""


def test_an_archive_in_the_project_is_no_part_of_the_next_build(world: Stage) -> None:
    first = build(world, "--save", "image.tar", "--json")
    second = build(world, "--save", "image.tar", "--json")
    assert (second.code, second.document["dirty"]) == (0, False)
    assert first.code == 0
    names = names_of(world.project.root / "image.tar")
    assert "include/x.txt" in {name.removeprefix("usr/local/airflow/") for name in names}, names
    assert not [name for name in names if name.endswith("image.tar")]


def test_a_failure_leaves_no_older_archive_for_a_later_job(world: Stage) -> None:
    archive = world.project.root / "image.tar"
    assert build(world, "--save", "image.tar").code == 0
    assert archive.is_file()
    world.project.write({"dags/broken.py": "from airflow import DAG\ndef x(:\n"})
    failed = build(world, "--save", "image.tar")
    assert failed.code == 6, failed.err
    assert not archive.exists()


def test_options_of_the_file_count(world: Stage, tmp_path: Path) -> None:
    text = (
        "build-args: [WHERE=here]\n"
        "deployments:\n"
        "  production: {branches: main}\n"
        "  classic: {branches: other, build-args: [WHERE=classic]}\n"
    )
    dockerfile = (world.project.root / "Dockerfile").read_text()
    world.project.write(
        {"astro-ci.yaml": text, "Dockerfile": f"{dockerfile}ARG WHERE\nLABEL where=$WHERE\n"}
    )
    world.project.commit("a file")
    for named, where in (((), "here"), (("--deployment-name", "classic"), "classic")):
        archive = tmp_path / f"{where}.tar"
        run = build(world, "--save", str(archive), *named)
        assert run.code == 0, run.err
        deployed = world.command("deploy", "--image-archive", str(archive), "--redeploy")
        assert deployed.code == 0, deployed.err
        assert labels_of(world)["where"] == where


def test_outputs_and_summary(world: Stage, tmp_path: Path) -> None:
    outputs, summary = tmp_path / "out", tmp_path / "summary"
    outputs.touch()
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    archive = tmp_path / "image.tar"
    run = build(world, "--save", str(archive), **github)
    assert run.code == 0, run.err
    told = outputs.read_text()
    assert "image-archive<<" in told
    assert str(archive) in told
    assert world.project.head in told
    assert "Image built" in summary.read_text()
    assert f"astro-ci deploy --image-archive {archive}" in summary.read_text()
    failed = build(world, "--save", str(tmp_path), **github)
    assert failed.code == 2
    assert "Build failed" in summary.read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("--save", "dags"), 2, "--save dags is a directory", "Name a file in it"),
        (("--save", "no/image.tar"), 2, "there is no directory no", "Create the directory first"),
        (("--save", "Dockerfile"), 2, "exists and is not an image archive", "Name another file"),
        (("--push", "Not a name"), 2, "is not the name of an image", "as `docker pull` takes it"),
        (
            ("--push", f"localhost:1/a@sha256:{'0' * 64}"),
            2,
            "names a digest, which the push decides",
            "Give the image a tag instead",
        ),
        (("--push", "localhost:1/a:1"), 4, "could not reach the registry localhost:1", "network"),
        (("--pytest", "nothing", "--save", "i.tar"), 6, "pytest check was not possible", "--force"),
        (("--deployment-name", "x", "--project", "none"), 3, "none", "--project"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be(
    world: Stage,
    engine: Engine,
    arguments: tuple[str, ...],
    code: int,
    message: str,
    hint: str,
) -> None:
    before, checkout = images(engine, world), fingerprint(world.project.root)
    run = build(world, *arguments)
    assert run.code == code, run.err
    assert message in run.err
    assert hint in run.err
    assert (images(engine, world), fingerprint(world.project.root)) == (before, checkout)


def test_an_image_that_is_not_built_on_the_runtime_is_not_kept(
    world: Stage, engine: Engine
) -> None:
    before = images(engine, world)
    world.project.write({"Dockerfile": "FROM scratch\nCOPY include /\n"})
    world.project.commit("no runtime")
    run = build(world, "--save", "image.tar")
    assert run.code == 3
    assert "so it is not built from Astro Runtime" in run.err
    assert not (world.project.root / "image.tar").exists()
    assert images(engine, world) == before


def test_a_dag_with_an_error_is_not_built(world: Stage, engine: Engine) -> None:
    world.project.write({"dags/a.py": "from airflow import DAG\ndef f(:\n"})
    world.project.commit("an error")
    run = build(world, "--save", "image.tar")
    assert run.code == 6
    assert "Build the image" not in run.err
    forced = build(world, "--save", "image.tar", "--force", "static", "--json")
    assert (forced.code, forced.document["overridden"]) == (0, ["static"])
