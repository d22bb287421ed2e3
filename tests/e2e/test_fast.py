"""Deploys without a build: the running image, with the code of the checkout."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from docker.errors import ImageNotFound

from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.artifacts import ArtifactInputs
from astro_ci.deploying.fast import replaced_image
from astro_ci.deploying.workshop import Workshop
from astro_ci.image.engine import Engine, connect
from astro_ci.image.fast.merged import merge
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.manifest import Descriptor, Manifest, digest_of, read_manifest
from astro_ci.planning.marker import Note, read_notes
from astro_ci.reporting.console import Console
from astro_ci.sandbox import Sandbox
from astro_ci.survey.survey import survey
from tests.e2e.images import build_from, make_runtime_image, read_image, read_image_files
from tests.e2e.runtime import DOCKERFILE, Runtime, runtime
from tests.integration.registry.images import repository
from tests.integration.sandbox.support import Client
from tests.integration.stage import Run, Stage, stage
from tests.repository import fingerprint
from tests.unit.image.stored.archives import tar

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
            {
                "Dockerfile": f"FROM {base.name}\nENV A=1\n",
                "include/b.sql": "select 2\n",
                "tests/x.py": "",
            }
        )
        made.project.git("remote", "add", "origin", "https://git.example.com/acme/airflow.git")
        made.project.commit("first")
        found = World(made, base, tmp_path)
        first = found.deploy("--fast", "auto")
        assert first.code == 0, first.err
        assert first.document["fast"]["made"] == "built"
        yield found


def code(astro: Sandbox, name: str = "production") -> dict[str, bytes]:
    """The files of the code layer that runs."""
    with tarfile.open(fileobj=io.BytesIO(astro.image_layers(name)[-1]), mode="r:*") as archive:
        files = [(one.name, archive.extractfile(one)) for one in archive if one.isreg()]
        return {
            name.removeprefix("usr/local/airflow/"): file.read() for name, file in files if file
        }


def manifest_digest(world: World, name: str = "production") -> str:
    deployment = world.stage.astro.deployment(name)
    host, _, path = deployment.image_repository.partition("/")
    answer = requests.head(
        f"http://{host}/v2/{path}/manifests/{deployment.image_tag}",
        auth=("cli", world.stage.astro.token),
        timeout=10,
    )
    return answer.headers["Docker-Content-Digest"]


@pytest.mark.smoke
def test_a_change_of_code_is_live_without_an_engine(world: World) -> None:
    astro = world.stage.astro
    before = astro.image_layers("production")
    world.project.write({"include/q.sql": "select 3\n", "include/new/x.sql": "select 4\n"})
    world.project.remove("include/b.sql")
    head = world.project.commit("code")
    planned = world.plan("--fast", "auto")
    assert planned["fast"] == {"mode": "auto", "possible": True, "reasons": []}
    untouched = fingerprint(world.project.root)
    run = world.deploy("--fast", "require", env=NO_ENGINE)
    assert run.code == 0, run.err
    assert fingerprint(world.project.root) == untouched
    assert run.document["outcome"] == "deployed"
    assert run.document["fast"] == {
        "mode": "require",
        "possible": True,
        "reasons": [],
        "made": "replaced",
        "differences": None,
    }
    assert "replaced the code layer of the running image: 7 files" in run.err
    assert code(astro) == {
        ".dockerignore": b".git\n",
        "Dockerfile": f"FROM {world.base.name}\nENV A=1\n".encode(),
        "include/new/x.sql": b"select 4\n",
        "include/q.sql": b"select 3\n",
        "packages.txt": b"",
        "requirements.txt": b"",
        "tests/x.py": b"",
    }
    assert astro.image_layers("production")[:-1] == before[:-1]
    labels: dict[str, str] = astro.image_config("production")["config"]["Labels"]  # type: ignore[index]
    assert labels["org.opencontainers.image.revision"] == head
    assert labels["astro-ci.base"].startswith("sha256:")
    deploy = astro.deploys("production")[0]
    assert (read_notes(deploy) or {})[Note.MADE] == "replaced"
    assert deploy.git
    assert deploy.git.commit_sha == head

    again = world.plan("--fast", "require")
    assert again["deploy_type"] == "none", "it runs"
    assert again["fast"] is None


def test_replacing_what_was_replaced(world: World) -> None:
    digests = []
    for text in ("one", "two", "one"):
        world.project.write({"include/q.sql": text})
        world.project.commit_at(text, "2026-11-01T00:00:00Z")
        run = world.deploy("--fast", "require", env=NO_ENGINE)
        assert run.code == 0, run.err
        assert code(world.stage.astro)["include/q.sql"] == text.encode()
        digests.append(world.stage.astro.image_config("production")["rootfs"])
    assert digests[0] == digests[2] != digests[1], "the same files are the same layer"
    first = manifest_digest(world)
    run = world.deploy("--fast", "require", "--redeploy", "--image", env=NO_ENGINE)
    assert run.code == 0, run.err
    assert manifest_digest(world) == first, "the same checkout is the same image"


def test_the_engine_pulls_what_was_made(world: World, engine: Engine) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    assert world.deploy("--fast", "require").code == 0
    deployment = world.stage.astro.deployment("production")
    login = {"username": "cli", "password": world.stage.astro.token}
    repository, tag = deployment.image_repository, deployment.image_tag
    engine.client.images.pull(repository, tag=tag, auth_config=login)
    name = f"{repository}:{tag}"
    try:
        home = "usr/local/airflow"
        assert read_image_files(engine, name)[f"{home}/include/q.sql"] == b"select 3\n"
        entries = read_image(engine, name)
        assert f"{home}/include/of-the-base" in entries, "what the base image has is still there"
        assert (entries[f"{home}/include/q.sql"].uid, entries["packages-installed"].uid) == (
            50000,
            0,
        )
        assert engine.client.images.get(name).attrs["Config"]["User"] == "astro"
    finally:
        engine.remove_image(name)


def test_without_dag_only_deploys_a_dag_is_code_as_well(world: World) -> None:
    name = ("--deployment-name", "classic")
    assert world.deploy(*name, "--fast", "auto").code == 0
    world.project.write({"dags/a.py": "a = 2  # an Airflow DAG\n", "dags/__pycache__/a.pyc": "x"})
    world.project.commit("a DAG, and a leftover that never ships")
    run = world.deploy(*name, "--fast", "require", env=NO_ENGINE)
    assert run.code == 0, run.err
    assert run.document["fast"]["made"] == "replaced"
    files = code(world.stage.astro, "classic")
    assert files["dags/a.py"] == b"a = 2  # an Airflow DAG\n"
    assert not [path for path in files if "__pycache__" in path]


def change_requirements(world: World) -> None:
    world.project.write({"requirements.txt": "x==1\n"})


def change_dockerfile(world: World) -> None:
    world.project.write({"Dockerfile": f"FROM {world.base.name}\nRUN true\n"})


def add_a_directory(world: World) -> None:
    world.project.write({"plugins/x.py": ""})


REFUSED: dict[str, tuple[Callable[[World], None], tuple[str, ...], str]] = {
    "requirements": (change_requirements, (), "requirements.txt changed, whose packages"),
    "Dockerfile": (change_dockerfile, (), "Dockerfile changed, which shapes the image"),
    "a directory at the top": (add_a_directory, (), "the directory plugins is new at the top"),
    "build arguments": (lambda world: None, ("--build-arg", "A=1"), "the build arguments"),
    "secrets": (
        lambda world: world.project.write({"include/q.sql": "3"}),
        ("--build-secret", "id=pip,env=PIP"),
        "the build secrets differ from those of the last build",
    ),
    "age": (
        lambda world: world.project.write({"include/q.sql": "3"}),
        ("--fast-max-age", "0m"),
        "longer than --fast-max-age",
    ),
}


@pytest.mark.parametrize(("change", "options", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_has_to_be_built_is_refused_where_that_is_asked_for(
    world: World, change: Callable[[World], None], options: tuple[str, ...], reason: str
) -> None:
    change(world)
    world.project.commit("change")
    before = world.stage.state()
    run = world.deploy("--fast", "require", *options, env={"PIP": "not-secret"})
    assert run.code == 2
    error = run.document["error"]
    assert error["message"].startswith("--fast require: the image has to be built: ")
    assert reason in error["message"]
    assert error["hint"].startswith("Deploy with --fast auto")
    assert world.stage.state() == before
    assert len(world.stage.astro.deploys("production")) == 1


@pytest.mark.smoke
def test_what_has_to_be_built_is_built_and_the_plan_says_why(world: World) -> None:
    world.project.write({"requirements.txt": "x==1\n"})
    world.project.commit("a package")
    (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
    assert reason == "requirements.txt changed, whose packages the image installs"
    text = world.stage.command("plan", "--fast", "auto", env={**world.stage.env, **world.login})
    assert "built, as requirements.txt changed" in " ".join(text.out.split())
    run = world.deploy("--fast", "auto")
    assert run.code == 0, run.err
    assert run.document["fast"]["made"] == "built"
    assert Note.MADE not in (read_notes(world.stage.astro.deploys("production")[0]) or {})


def test_a_pipe_in_the_checkout_is_a_build(world: World) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    os.mkfifo(world.project.root / "include" / "pipe")
    (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
    assert reason == "include/pipe is neither a file, a directory nor a link"


@contextmanager
def another_base(world: World, engine: Engine, dockerfile: str) -> Iterator[None]:
    """Have the tag of the base image mean another image for a while."""
    old = engine.client.images.get(world.base.name)
    name, _, tag = world.base.name.rpartition(":")
    try:
        make_runtime_image(engine, world.base.name, text=dockerfile)
        world.base.push(engine)
        yield
    finally:
        moved = engine.client.images.get(world.base.name).id
        old.tag(name, tag)
        world.base.push(engine)
        if moved != old.id:
            engine.client.images.remove(str(moved), force=True)


def test_a_base_image_that_moved_is_a_build(world: World, engine: Engine) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    with another_base(world, engine, DOCKERFILE + "LABEL moved=true\n"):
        (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
        assert reason == f"the base image {world.base.name} has moved since the last build"
    assert world.plan("--fast", "auto")["fast"]["possible"]


def test_a_trigger_that_reads_another_file_is_a_build(world: World, engine: Engine) -> None:
    """A new code layer alone would leave the layer of the trigger as it was."""
    triggers = "ONBUILD COPY include/extra.txt /extra\nONBUILD RUN cp /extra /installed\n"
    dockerfile = DOCKERFILE.replace("ONBUILD USER", f"{triggers}ONBUILD USER")
    with another_base(world, engine, dockerfile):
        world.project.write({"include/extra.txt": "one\n"})
        world.project.commit("for the trigger")
        assert world.deploy("--fast", "auto").code == 0
        world.project.write({"include/extra.txt": "two\n"})
        world.project.commit("changed")
        (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
        assert reason == (
            f"{world.base.name} has an unusual trigger, which may read any file: ONBUILD COPY "
            "include/extra.txt /extra"
        )


def test_an_image_of_another_client_is_a_build(world: World, tmp_path: Path) -> None:
    """So is one that runs from a deploy whose description was written by hand."""
    client = Client(world.stage.astro, None)
    client.deploy_image("production", dags=b"a bundle")
    client.close()
    (reason,) = world.plan("--fast", "auto", "--redeploy")["fast"]["reasons"]
    assert "does not say which commit it came from" in reason


def test_uncommitted_changes_ship_and_the_next_image_is_built(world: World) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    run = world.deploy("--fast", "require", env=NO_ENGINE)
    assert run.code == 0, run.err
    assert code(world.stage.astro)["include/q.sql"] == b"select 3\n"
    world.project.write({"include/q.sql": "select 4\n"})
    world.project.commit("code")
    (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
    assert "was built with uncommitted changes" in reason


def test_a_generated_file_in_the_running_image_is_a_build(world: World) -> None:
    world.project.write({".gitignore": "generated/\n", "generated/x.json": "{}"})
    world.project.commit("generate")
    assert world.deploy("--fast", "auto", "--redeploy").code == 0
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
    assert reason == ("the running image has files that its commit does not have: generated/x.json")


@pytest.mark.parametrize("status", [403, 400])
def test_a_push_that_fails_is_made_good_by_a_build(world: World, status: int) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    world.stage.astro.faults.add("PUT", "/manifests/", status=status)
    run = world.deploy("--fast", "auto")
    assert run.code == 0, run.err
    assert "the image with the new code layer could not be sent" in run.err
    assert run.document["outcome"] == "deployed"
    assert code(world.stage.astro)["include/q.sql"] == b"select 3\n"
    newest, unfinished, _ = world.stage.astro.deploys("production")
    assert (newest.status, unfinished.status) == ("DEPLOYED", "INITIALIZED")
    assert Note.MADE not in (read_notes(newest) or {})
    assert run.document["fast"] == {
        "mode": "auto",
        "possible": False,
        "reasons": ["the second attempt of a run builds its image"],
        "made": "built",
        "differences": None,
    }
    world.project.write({"include/q.sql": "select 4\n"})
    world.project.commit("more")
    assert world.plan("--fast", "auto")["fast"]["possible"], "the build recorded what it needs"


def test_a_saved_plan_says_how_the_image_is_made(world: World, tmp_path: Path) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    file = tmp_path / "plan.json"
    assert world.plan("--fast", "auto", "--out", str(file))["fast"]["possible"]
    before, deploys = world.stage.state(), len(world.stage.astro.deploys("production"))
    other = world.deploy("--plan", str(file))
    assert other.code == 2
    assert other.document["error"]["message"] == (
        "the saved plan of production was made with --fast auto, and this deploy has --fast off"
    )
    old = world.deploy("--plan", str(file), "--fast", "auto", "--fast-max-age", "0m")
    assert old.code == 11
    assert (
        "the image was to be made without a build, and has to be built: the last build was"
        in (old.document["error"]["message"])
    )
    assert world.stage.state() == before
    assert len(world.stage.astro.deploys("production")) == deploys

    world.stage.astro.faults.add("PUT", "/manifests/", status=403)
    failed = world.deploy("--plan", str(file), "--fast", "auto")
    assert failed.code == 11, failed.err
    assert "has to be built: the second attempt of a run" in failed.document["error"]["message"]
    assert world.stage.state() == before

    run = world.deploy("--plan", str(file), "--fast", "auto")
    assert run.code == 0, run.err
    assert run.document["fast"]["made"] == "replaced"


def test_a_push_that_fails_is_a_failure_where_no_build_may_follow(world: World) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    before = world.stage.state()
    world.stage.astro.faults.add("PUT", "/manifests/", status=403)
    run = world.deploy("--fast", "require")
    assert run.code == 4
    assert world.stage.state() == before


def test_a_registry_that_does_not_answer_is_a_reason(world: World) -> None:
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    world.stage.astro.faults.add("GET", "/manifests/", status=403, times=None)
    (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
    assert reason.startswith("the running image could not be read: ")


def test_verify_builds_and_compares(world: World) -> None:
    world.project.write({"include/q.sql": "select 3\n", "include/new/x.sql": "4\n"})
    world.project.commit("code")
    run = world.deploy("--fast", "verify")
    assert run.code == 0, run.err
    assert run.document["fast"] == {
        "mode": "verify",
        "possible": True,
        "reasons": [],
        "made": "built",
        "differences": [],
    }
    assert "the built image has the same code and the same config" in run.err
    assert Note.MADE not in (read_notes(world.stage.astro.deploys("production")[0]) or {})


def rest_of(data: bytes, offset: int) -> Iterator[bytes]:
    yield data[offset:]


def prebuilt(world: World, archive: Path, *arguments: str) -> Run:
    """Build an image for a later job, and deploy it in a job without an engine."""
    built = world.stage.command(
        *("build", "--save", str(archive), "--json", *arguments),
        env={**world.stage.env, **world.login},
    )
    assert built.code == 0, built.err
    return world.deploy("--image-archive", str(archive), env=NO_ENGINE)


def test_a_fast_deploy_follows_on_an_image_of_build(world: World, tmp_path: Path) -> None:
    world.project.write({"requirements.txt": "x==1\n"})
    world.project.commit("a release")
    assert prebuilt(world, tmp_path / "image.tar").code == 0
    labels = labels_of(world)
    assert labels["astro-ci.triggers"] == "usual"
    assert labels["astro-ci.base"].startswith("sha256:")
    assert len(labels["astro-ci.inputs"]) == 16

    (reason,) = world.plan("--fast", "auto", "--build-arg", "A=1")["fast"]["reasons"]
    assert reason == (
        "the running image was built with other build arguments or options of the image"
    )
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("a change of code")
    run = world.deploy("--fast", "require", env=NO_ENGINE)
    assert run.code == 0, run.err
    assert run.document["fast"]["made"] == "replaced"
    assert code(world.stage.astro)["include/q.sql"] == b"select 3\n"
    assert "astro-ci.inputs" not in labels_of(world), "its deploy says it"
    world.project.write({"include/q.sql": "select 4\n"})
    world.project.commit("another one")
    assert world.deploy("--fast", "require", env=NO_ENGINE).code == 0


def test_an_image_on_top_of_one_of_build_is_a_build(
    world: World, engine: Engine, tmp_path: Path
) -> None:
    """It has the labels of the image below, and more than that."""
    assert prebuilt(world, tmp_path / "image.tar").code == 0
    below = f"{world.base.name.rpartition(':')[0]}:below"
    top = f"{world.base.name.rpartition(':')[0]}:top"
    try:
        engine.client.images.load((tmp_path / "image.tar").read_bytes())[0].tag(below)
        context = io.BytesIO(
            tar(
                {
                    "Dockerfile": f"FROM {below}\nRUN touch logs/extra\nCOPY . .\n".encode(),
                    ".dockerignore": b"Dockerfile\n",
                }
            )
        )
        build_from(engine, context, tag=top)
        run = world.deploy("--image-name", top)
        assert run.code == 0, run.err
    finally:
        engine.remove_image(top)
        engine.remove_image(below)
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    (reason,) = world.plan("--fast", "auto")["fast"]["reasons"]
    assert reason == "the running image is prebuilt, and built on another image of a project"


def labels_of(world: World) -> dict[str, str]:
    """The labels of the image that runs."""
    config: Any = world.stage.astro.image_config("production")
    return dict(config["config"]["Labels"])


def add_a_layer(world: World, path: str) -> None:
    """Have the running tag mean an image with one more layer below the code, as of a rebuild."""
    deployment = world.stage.astro.deployment("production")
    host, _, name = deployment.image_repository.partition("/")
    running = repository(host, name, world.stage.astro.token)
    found = running.image(deployment.image_tag)
    config, manifest = json.loads(running.config(found)), json.loads(found.raw)
    layer = tar({path: b"of another build"})
    packed = gzip.compress(layer)
    steps = [n for n, step in enumerate(config["history"]) if not step.get("empty_layer")]
    config["history"].insert(steps[-1], {"created_by": "RUN pip install"})
    config["rootfs"]["diff_ids"].insert(-1, digest_of(layer))
    told = json.dumps(config).encode()
    for data, where in ((packed, manifest["layers"][0]), (told, manifest["config"])):
        made = {**where, "digest": digest_of(data), "size": len(data)}
        if data is told:
            manifest["config"] = made
        else:
            manifest["layers"].insert(-1, made)
        blob = Descriptor(media_type="", digest=digest_of(data), size=len(data))
        running.upload(Content(blob, partial(rest_of, data), "a blob"))
    replaced = read_manifest(json.dumps(manifest).encode(), found.media_type, "the image")
    assert isinstance(replaced, Manifest)
    running.put(replaced, deployment.image_tag)
    running.close()


def test_verify_tells_of_differences(world: World) -> None:
    """Of every layer, not of the code alone: here a build leaves out what the running image has."""
    add_a_layer(world, "opt/package.txt")
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    run = world.deploy("--fast", "verify")
    assert run.code == 0, run.err
    assert run.document["outcome"] == "deployed"
    assert run.document["fast"]["possible"], run.document["fast"]
    difference = "/opt/package.txt is only in the image with the replaced layer"
    assert run.document["fast"]["differences"] == [difference]
    assert "--fast verify: the built image differs from the one that would be made" in run.err
    assert difference in run.err


def test_the_files_of_layers_are_those_of_a_container(world: World, engine: Engine) -> None:
    """What `verify` reads out of layers, against what an engine makes of them."""
    astro = world.stage.astro
    layers = [partial(iter, [layer]) for layer in astro.image_layers("production")]
    found = merge(layers, "usr/local/airflow").items
    deployment = astro.deployment("production")
    host, _, name = deployment.image_repository.partition("/")
    engine.client.images.pull(
        f"{host}/{name}",
        tag=deployment.image_tag,
        auth_config={"username": "cli", "password": astro.token},
    )
    reference = f"{host}/{name}:{deployment.image_tag}"
    try:
        seen = read_image(engine, reference)
    finally:
        engine.remove_image(reference)
    # A container gets some files and directories of its own.
    own = {path for path in seen if path.partition("/")[0] in ("dev", "proc", "sys", ".dockerenv")}
    own |= {"etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab", "etc"}
    assert {*seen} - own == {*found} - own
    for path in {*seen} - own:
        entry, item = seen[path], found[path]
        if entry.isreg() or entry.isdir():
            told = (entry.isdir(), entry.mode & 0o7777, entry.uid, entry.gid)
            assert (item.kind == "directory", item.mode, item.uid, item.gid) == told, path


def test_a_running_image_that_cannot_be_read_is_not_compared(world: World) -> None:
    world.project.write({"include/of-the-base": "ours now\n"})
    world.project.commit("code")
    world.stage.astro.faults.add("GET", "/blobs/", status=404, times=None)
    run = world.deploy("--fast", "verify")
    assert run.code == 0, run.err
    assert not run.document["fast"]["possible"], "what cannot be read is no base"
    assert run.document["fast"]["differences"] is None


def test_without_credentials_nothing_is_known(world: World) -> None:
    run = world.stage.command("plan", "--json", "--fast", "auto", env=world.login)
    assert run.code == 0, run.err
    (reason,) = run.document["fast"]["reasons"]
    assert reason == "without credentials the running image cannot be read"


def test_a_container_of_the_image_is_made_without_a_tag(
    world: World, engine: Engine, tmp_path: Path
) -> None:
    """As --parse needs one: it has the new code, and it is gone afterwards."""
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    astro = world.stage.astro
    env = {**os.environ, **world.stage.env, **world.login}
    config = Config(
        project=world.project.root, deployment_name="production", fast="require", parse=False
    )
    found = survey(config, env, needs_credentials=True)
    connected = found.standing.connected
    assert connected
    tags, said = astro.tags("production"), io.StringIO()
    with (
        Workshop() as workshop,
        replaced_image(
            ArtifactInputs(
                config=config,
                env=env,
                survey=found,
                deployment=connected.deployment,
                client=connected.astro.client,
                connect_engine=connect,
                password=connected.astro.credentials.token,
                workshop=workshop,
                scratch=tmp_path,
                console=Console(said, dialect_for("none", env={}, out=said), is_live=False),
            )
        ) as image,
    ):
        local = image.local
        assert local
        assert read_image_files(engine, local.name)["usr/local/airflow/include/q.sql"] == (
            b"select 3\n"
        )
        assert engine.client.images.get(local.name).attrs["Config"]["User"] == "astro"
    with pytest.raises(ImageNotFound):
        engine.client.images.get(local.name)
    assert astro.tags("production") == tags


def test_dag_files_are_loaded_where_an_airflow_is_at_hand(world: World) -> None:
    """Nothing is pulled for a check that nobody asked for; what was asked for has to be done."""
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    before = world.stage.state()
    asked = world.deploy("--fast", "require", "--parse", env=NO_ENGINE)
    assert asked.code == 6
    assert world.stage.state() == before
    run = world.deploy("--fast", "require", env={**NO_ENGINE, "ASTRO_CI_PARSE": ""})
    assert run.code == 0, run.err
    assert (
        "DAG files were not loaded, as there is no Airflow here (--parse loads them in" in run.err
    )
    assert run.document["fast"]["made"] == "replaced"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fast", "yes"), "--fast is 'yes', which is none of auto, require, off, verify"),
        (("--fast-max-age", "7"), "--fast-max-age: '7' is not an age"),
        (("--fast", "require", "--image-name", "app:1"), "--fast is for building one"),
    ],
)
def test_mistakes(world: World, options: tuple[str, ...], message: str) -> None:
    before = world.stage.state()
    run = world.deploy(*options)
    assert run.code == 2
    assert message in run.document["error"]["message"]
    assert world.stage.state() == before


def test_a_base_image_that_is_named_by_its_digest(world: World) -> None:
    dockerfile = world.project.root / "Dockerfile"
    name = dockerfile.read_text().split()[1]
    world.project.write({"Dockerfile": f"FROM {name}@{labels_of(world)['astro-ci.base']}\n"})
    world.project.commit("pinned")
    run = world.deploy("--fast", "auto")
    assert run.code == 0, run.err
    assert run.document["fast"]["made"] == "built"
    world.project.write({"include/q.sql": "select 3\n"})
    world.project.commit("code")
    plan = world.plan("--fast", "auto")
    assert plan["fast"]["possible"], plan["fast"]
