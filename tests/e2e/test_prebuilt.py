"""Deploys of images that somebody built: by name, from a registry, out of an archive."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from astro_ci.errors import AstroCIError, ConfigurationError, ProjectError, RegistryError
from astro_ci.image.engine import Engine
from astro_ci.model import DeployType, Part, Plan, Request
from astro_ci.planning.marker import Note, read_marker, read_notes
from astro_ci.sandbox import Sandbox
from tests.e2e.images import RUNTIME_LABEL, build_from, make_runtime_image, registry, unique
from tests.integration.stage import Stage, stage
from tests.repository import fingerprint

pytestmark = pytest.mark.docker

AUTO: dict[str, Any] = {"requested": Request.AUTO}
REVISION = "org.opencontainers.image.revision"
SOURCE = "org.opencontainers.image.source"
ORIGIN = "https://git.example.com/acme/airflow.git"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    """A repository of nothing but DAGs."""
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        for name in ("Dockerfile", ".dockerignore", "requirements.txt", "packages.txt"):
            made.project.root.joinpath(name).unlink()
        made.project.git("remote", "add", "origin", ORIGIN)
        made.project.commit("only DAGs")
        yield made


def build(
    engine: Engine,
    base: str,
    tag: str,
    *,
    labels: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> str:
    """Build an image on the stand-in for Astro Runtime, as a user's `docker build` would."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        named = {"packages.txt": "", "requirements.txt": "", **(files or {})}
        for name, text in {"Dockerfile": f"FROM {base}\n", **named}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    build_from(engine, context, tag=tag, labels=dict(labels or {}))
    return tag


@contextmanager
def built(engine: Engine, base: str, **options: Any) -> Iterator[str]:
    """An image under a name of its own, gone afterwards."""
    tag = build(engine, base, unique("prebuilt"), **options)
    try:
        yield tag
    finally:
        engine.remove_image(tag)


@pytest.fixture
def image(engine: Engine, base: str) -> Iterator[str]:
    with built(engine, base, files={"include/x.txt": os.urandom(8).hex()}) as tag:
        yield tag


def id_of(engine: Engine, reference: str) -> str:
    return str(engine.client.images.get(reference).attrs["Id"])


def running_id(world: Stage, name: str = "production") -> str:
    """The identity of what a Deployment runs: the digest of its configuration."""
    deployment = world.astro.deployment(name)
    host, _, path = deployment.image_repository.partition("/")
    manifest = requests.get(
        f"http://{host}/v2/{path}/manifests/{deployment.image_tag}",
        auth=("cli", world.astro.token),
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        timeout=10,
    ).json()
    return str(manifest["config"]["digest"])


@pytest.mark.smoke
def test_the_image_is_deployed_with_the_dags_of_the_checkout(
    world: Stage, engine: Engine, image: str
) -> None:
    before = fingerprint(world.project.root)
    run = world.command("deploy", "--image-name", image, "--json")
    assert run.code == 0, run.err
    document = run.document
    assert document["deploy_type"] == "image-and-dags"
    assert document["image"] == {
        "reference": image,
        "digest": id_of(engine, image),
        "commit": "",
    }
    assert running_id(world) == id_of(engine, image)
    assert world.running_dags() == world.checked_out_dags()
    assert fingerprint(world.project.root) == before
    deploy = world.astro.deploys("production")[0]
    assert read_marker(deploy)[Part.IMAGE] == id_of(engine, image)[7:23]
    assert (read_notes(deploy) or {})[Note.BUILT] == "elsewhere"
    assert deploy.git
    assert deploy.git.commit_sha == world.project.head, "that of the DAGs"
    assert f"image {image} (sha256:" in deploy.description


def test_a_plan_compares_by_content(world: Stage, engine: Engine, base: str, image: str) -> None:
    options = {**AUTO, "image_name": image}
    assert world.deploy(**options).plan.deploy_type is DeployType.IMAGE_AND_DAGS
    again = world.deploy(**options)
    assert again.outcome == "skipped"
    assert again.plan.reason.startswith(f"the image {image} (sha256:")
    world.project.write({"dags/a.py": "a = 2\n", "requirements.txt": "no image is made of this"})
    world.project.commit()
    dags = world.deploy(**options)
    assert dags.plan.deploy_type is DeployType.DAGS, "the same image"
    assert {change.path for change in dags.plan.changes if change.parts} == {"dags/a.py"}
    with built(engine, base, files={"include/x.txt": "another"}) as other:
        plan = world.deploy(**AUTO, image_name=other, dry_run=True).plan
        assert plan.deploy_type is DeployType.IMAGE_AND_DAGS
        assert f"the image {other} (sha256:" in plan.reason
        engine.client.images.get(other).tag(image.partition(":")[0], "alias")
        alias = f"{image.partition(':')[0]}:alias"
        try:
            world.deploy(**AUTO, image_name=other)
            assert world.deploy(**AUTO, image_name=alias).outcome == "skipped", "names mean nothing"
        finally:
            engine.untag(alias)


def test_image_alone_leaves_the_dags(world: Stage, engine: Engine, base: str, image: str) -> None:
    world.deploy(**AUTO, image_name=image)
    version = world.astro.deployment("production").dag_tarball_version
    world.project.write({"dags/a.py": "a = 9\n"})
    world.project.commit()
    with built(engine, base, files={"include/x.txt": "next"}) as other:
        run = world.command("deploy", "--image", "--image-name", other, "--json")
        assert run.code == 0, run.err
        assert (run.document["deploy_type"], run.document["bundle_version"]) == ("image", "")
        assert running_id(world) == id_of(engine, other)
    assert world.astro.deployment("production").dag_tarball_version == version


def test_an_image_alone_needs_no_project(world: Stage, engine: Engine, image: str) -> None:
    """Platform engineers deploy from a repository that holds a pipeline and nothing else."""
    world.deploy(**AUTO, image_name=image)
    for path in sorted(world.project.root.glob("*/**/*"), reverse=True):
        if path.is_file() and ".git" not in path.parts:
            path.unlink()
    world.project.write({"ci.yml": "x\n"})
    world.project.commit("no project")
    run = world.command("deploy", "--image", "--image-name", image)
    assert run.code == 0, run.err
    refused = world.command("deploy", "--image-name", image)
    assert refused.code == 3, "DAGs would go along, and there are none"


def test_the_commit_is_the_label_else_the_checkout_when_that_is_said(
    world: Stage, engine: Engine, base: str, image: str
) -> None:
    old = world.project.head
    world.project.write({"dags/a.py": "a = 2\n"})
    world.project.commit()

    def commit(**options: Any) -> str | None:
        world.deploy(requested=Request.IMAGE, allow_older=True, **options)
        git = world.astro.deploys("production")[0].git
        return git.commit_sha if git else None

    world.deploy(**AUTO, image_name=image)
    assert commit(image_name=image) is None
    assert commit(image_name=image, image_is_checkout=True) == world.project.head
    with built(engine, base, labels={REVISION: old}) as labelled:
        assert commit(image_name=labelled) == old
        assert commit(image_name=labelled, image_is_checkout=True) == old
    other = {REVISION: "e" * 40, SOURCE: "https://github.com/acme/platform"}
    with built(engine, base, labels=other) as foreign:
        assert commit(image_name=foreign) == "e" * 40
        git = world.astro.deploys("production")[0].git
        assert git
        assert (git.account, git.repo, git.path) == ("acme", "platform", "")
    with built(engine, base, labels={REVISION: "e" * 40}) as inherited:
        assert commit(image_name=inherited) is None, "a base image's, which nobody knows here"


def test_an_older_image_does_not_replace_a_newer_one(
    world: Stage, engine: Engine, base: str
) -> None:
    old = world.project.head
    world.project.write({"dags/a.py": "a = 2\n"})
    world.project.commit()
    newer = {REVISION: world.project.head}
    with (
        built(engine, base, labels={REVISION: old}) as first,
        built(engine, base, labels=newer) as second,
    ):
        world.deploy(**AUTO, image_name=second)
        stale = world.deploy(**AUTO, image_name=first)
        assert stale.outcome == "skipped"
        assert f"{world.project.head[:7]} came after {old[:7]}" in stale.plan.reason
        assert world.deploy(**AUTO, image_name=first, allow_older=True).outcome == "deployed"
        assert running_id(world) == id_of(engine, first)


def test_a_tag_that_moves_changes_nothing(
    world: Stage, engine: Engine, base: str, image: str
) -> None:
    meant = id_of(engine, image)

    def move(plan: Plan) -> None:
        build(engine, base, image, files={"include/x.txt": "moved"})

    world.deploy(**AUTO, image_name=image, on_plan=move)
    assert id_of(engine, image) != meant, "it moved"
    assert running_id(world) == meant
    deploy = world.astro.deploys("production")[0]
    assert read_marker(deploy)[Part.IMAGE] == meant[7:23]


def test_without_dag_only_deploys_the_image_has_the_dags(
    world: Stage, engine: Engine, base: str, image: str
) -> None:
    classic = {**AUTO, "deployment_name": "classic"}
    with pytest.raises(ProjectError, match="holds no DAG file under dags/"):
        world.deploy(**classic, image_name=image)
    assert not world.astro.deploys("classic")
    dag = {"dags/x.py": "x = 1  # an Airflow DAG\n"}
    with built(engine, base, files=dag) as whole:
        result = world.deploy(**classic, image_name=whole)
        assert (result.outcome, result.bundle_version) == ("deployed", "")
        world.project.write({"dags/a.py": "a = 7\n"})
        world.project.commit("does not ship")
        assert world.deploy(**classic, image_name=whole).outcome == "skipped"


# --- where it comes from -------------------------------------------------------------------------


def test_an_image_that_the_engine_lacks_is_pulled_and_removed(
    world: Stage, engine: Engine, image: str, tmp_path: Path
) -> None:
    meant = id_of(engine, image)
    directory = tmp_path / "registry"
    directory.mkdir()
    with registry(directory) as store:
        auth = {"username": "cli", "password": store.password}
        remote = f"{store.host}/acme/airflow"
        engine.client.images.get(image).tag(remote, "1")
        pushed = engine.client.api.push(remote, tag="1", auth_config=auth, stream=True, decode=True)
        digest = next(line["aux"]["Digest"] for line in pushed if "aux" in line)
        engine.client.api.remove_image(f"{remote}:1")
        engine.client.api.remove_image(image, force=True)
        home = tmp_path / "docker"
        home.mkdir()
        env = {**world.env, "DOCKER_CONFIG": str(home)}
        refused = world.command("deploy", "--image-name", f"{remote}:1", env=env)
        assert refused.code == 4, refused.err
        assert "could not pull it" in refused.err
        assert "docker login" in refused.err
        login = base64.b64encode(f"cli:{store.password}".encode()).decode()
        config = {"auths": {store.host: {"auth": login}}}
        (home / "config.json").write_text(json.dumps(config))
        for reference in (f"{remote}:1", f"{remote}@{digest}"):
            run = world.command("deploy", "--image-name", reference, "--json", env=env)
            assert run.code == 0, run.err
            assert running_id(world) == meant
            assert not engine.client.api.images(name=remote), "what was pulled is gone"
        assert run.document["deploy_type"] == "none", "by its digest it is the same image"
        missing = world.command("deploy", "--image-name", f"{remote}:2", env=env)
        assert missing.code == 4
        assert "manifest unknown" in missing.err
        assert "Check the name and the tag" in missing.err


def save(engine: Engine, path: Path, *references: str) -> Path:
    """What `docker save` writes."""
    api: Any = engine.client.api
    found = api.get(f"{api.base_url}/images/get", params={"names": list(references)}, stream=True)
    path.write_bytes(b"".join(found.iter_content(1 << 20)))
    return path


@pytest.mark.parametrize("is_zipped", [False, True])
def test_an_archive_is_loaded_and_removed(
    world: Stage, engine: Engine, base: str, image: str, tmp_path: Path, is_zipped: bool
) -> None:
    meant = id_of(engine, image)
    path = save(engine, tmp_path / "app.tar", image)
    if is_zipped:
        path.write_bytes(gzip.compress(path.read_bytes()))
    engine.client.api.remove_image(image, force=True)
    build(engine, base, image, files={"include/x.txt": "another image of that name"})
    other = id_of(engine, image)
    run = world.command("deploy", "--image-archive", str(path), "--json")
    assert run.code == 0, run.err
    assert running_id(world) == meant
    assert id_of(engine, image) == other, "the name was not taken away"
    with pytest.raises(Exception, match="No such image"):
        engine.client.images.get(meant)
    assert world.command("deploy", "--image-archive", str(path), "--json").document["outcome"] == (
        "skipped"
    )


def test_an_archive_of_what_the_engine_has_is_not_removed(
    world: Stage, engine: Engine, image: str, tmp_path: Path
) -> None:
    path = save(engine, tmp_path / "app.tar", image)
    world.deploy(**AUTO, image_archive=path)
    assert running_id(world) == id_of(engine, image)


# --- what is refused -----------------------------------------------------------------------------


def status(world: Stage) -> str:
    """What git sees of the checkout, files that it ignores included."""
    return world.project.git("status", "--porcelain", "--ignored", "--untracked-files=all")


def refused(world: Stage, *, code: int = 3, **options: Any) -> AstroCIError:
    """Deploy what cannot be deployed; nothing is changed by that, here or on Astro."""
    before, checkout = world.state(), status(world)
    with pytest.raises(AstroCIError) as caught:
        world.deploy(**{**AUTO, **options})
    assert world.state() == before
    assert status(world) == checkout
    assert not world.astro.deploys("production")
    assert caught.value.hint
    assert caught.value.exit_code == code
    return caught.value


def test_a_check_says_the_same_of_a_name(world: Stage) -> None:
    run = world.command("parse", "--image-name", "a b")
    assert run.code == 2
    assert "not the name of an image" in run.err


@pytest.mark.parametrize("name", ["UPPER/case", "a b", "app:", "-x", "a//b", "app@sha256:12"])
def test_what_is_no_name_of_an_image(world: Stage, name: str) -> None:
    error = refused(world, code=2, image_name=name)
    assert isinstance(error, ConfigurationError)
    assert "not the name of an image" in str(error)


def test_the_name_of_no_image(world: Stage) -> None:
    error = refused(world, code=4, image_name=f"127.0.0.1:9/{unique('nothing')}")
    assert isinstance(error, RegistryError)
    assert error.exit_code == 4
    assert "has no image 127.0.0.1:9/astro-ci-test-nothing" in str(error)


def test_an_image_that_is_not_built_on_the_runtime(world: Stage, engine: Engine) -> None:
    plain = make_runtime_image(engine, unique("plain"), version=None)
    try:
        error = refused(world, image_name=plain)
    finally:
        engine.remove_image(plain)
    assert isinstance(error, ProjectError)
    assert "not built from Astro Runtime" in str(error)


def test_an_image_for_arm64(world: Stage, engine: Engine) -> None:
    arm = load_image(engine, {"a": b"x"}, {"architecture": "arm64", "os": "linux"})
    try:
        error = refused(world, image_name=arm)
        plan = world.command("plan", "--image-name", arm)
        check = world.command("parse", "--image-name", arm)
    finally:
        engine.remove_image(arm)
    assert f"the image {arm} is for linux/arm64" in str(error)
    assert "docker build --platform=linux/amd64" in error.hint
    assert "Apple silicon" in error.hint
    assert (plan.code, check.code) == (3, 3), check.err


def test_a_config_for_amd64_over_programs_for_arm64(
    world: Stage, engine: Engine, base: str
) -> None:
    """What `FROM --platform=linux/arm64` makes of a build for amd64, elsewhere or here."""
    sh = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(40)
    layer = {"bin/sh": sh}
    liar = load_image(engine, layer, {"architecture": "amd64", "os": "linux"})
    try:
        errors = [refused(world, image_name=liar)]
        dockerfile = f"FROM {liar}\nLABEL {RUNTIME_LABEL}=13.1.0\nCOPY Dockerfile /\n"
        world.project.write({"Dockerfile": dockerfile})
        world.project.commit()
        errors.append(refused(world))
    finally:
        engine.remove_image(liar)
    for error in errors:
        assert isinstance(error, ProjectError)
        assert "says that it is for linux/amd64, and its programs are for arm64" in str(error)


def test_a_windows_image(world: Stage, engine: Engine, tmp_path: Path) -> None:
    path = archive_of(tmp_path / "win.tar", {"a": b"x"}, {"architecture": "amd64", "os": "windows"})
    error = refused(world, image_archive=path)
    assert "is for Windows (windows/amd64)" in str(error)


@pytest.mark.parametrize(
    ("newer", "message"),
    [("14.0.0", "which this Deployment does not support"), ("4.0.0", "does not downgrade")],
)
def test_a_runtime_that_cannot_run(
    world: Stage, engine: Engine, base: str, image: str, newer: str, message: str
) -> None:
    world.deploy(**AUTO, image_name=image)
    other = make_runtime_image(engine, unique("version"), version=newer)
    try:
        plan = world.command("plan", "--image-name", other)
        with pytest.raises(ProjectError, match=message):
            world.deploy(**AUTO, image_name=other)
    finally:
        engine.remove_image(other)
    assert plan.code == 3
    assert message in plan.err
    assert len(world.astro.deploys("production")) == 1


def layer_of(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def archive_of(
    path: Path, files: Mapping[str, bytes], config: Mapping[str, Any], *tags: str
) -> Path:
    """What `docker save` would write of an image of one layer."""
    layer = layer_of(files)
    diff_id = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    rootfs = {"type": "layers", "diff_ids": [diff_id]}
    labels = {"Labels": {"io.astronomer.docker.runtime.version": "13.1.0"}}
    told = json.dumps({"config": labels, "rootfs": rootfs, **config}).encode()
    name = f"{hashlib.sha256(told).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": list(tags) or None, "Layers": ["l/layer.tar"]}]
    held = {name: told, "l/layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    path.write_bytes(layer_of(held))
    return path


def load_image(engine: Engine, files: Mapping[str, bytes], config: Mapping[str, Any]) -> str:
    tag = unique("made")
    path = Path(os.environ.get("TMPDIR", "/tmp"), f"{tag.partition(':')[2]}.tar")
    try:
        data = archive_of(path, files, config, tag).read_bytes()
        api: Any = engine.client.api
        for message in api.load_image(data):
            assert "error" not in message, message
    finally:
        path.unlink(missing_ok=True)
    return tag


def test_bad_archives(world: Stage, engine: Engine, image: str, tmp_path: Path) -> None:
    whole = save(engine, tmp_path / "whole.tar", image).read_bytes()

    def reason(content: bytes, name: str = "bad.tar") -> str:
        path = tmp_path / name
        path.write_bytes(content)
        error = refused(world, image_archive=path)
        assert isinstance(error, ProjectError)
        assert str(path) in str(error)
        return str(error)

    assert "cut off" in reason(whole[: len(whole) * 2 // 3])
    assert "cut off" in reason(gzip.compress(whole)[:-20], "bad.tar.gz")
    assert "cannot be used" in reason(b"not an archive at all")
    assert "cannot be used" in reason(b"")
    assert "neither the manifest.json" in reason(layer_of({"index.json": b"{}"}))
    assert "cannot be used" in reason(layer_of({"manifest.json": b"{"}))
    assert "holds no image" in reason(layer_of({"manifest.json": b"[]"}))
    bare = json.dumps([{"Config": "c.json", "Layers": ["x"], "RepoTags": None}]).encode()
    assert "configuration" in reason(layer_of({"manifest.json": bare}))
    assert "it lacks x" in reason(layer_of({"manifest.json": bare, "c.json": b"{}"}))
    error = refused(world, image_archive=tmp_path / "missing.tar")
    assert "No such file" in str(error)
    (tmp_path / "directory").mkdir()
    assert "directory" in str(refused(world, image_archive=tmp_path / "directory"))


def test_an_archive_with_several_images(
    world: Stage, engine: Engine, base: str, image: str, tmp_path: Path
) -> None:
    path = save(engine, tmp_path / "two.tar", image, base)
    error = refused(world, image_archive=path)
    assert isinstance(error, ProjectError)
    # The engine saves them in an order of its own.
    assert any(
        f"holds 2 images ({a}, {b})" in str(error) for a, b in [(image, base), (base, image)]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"build_args": ("A=1",)}, "--build-arg is for building one"),
        ({"build_secrets": ("id=x,env=X",)}, "--build-secret is for building one"),
        ({"image_paths": ("libs/**",)}, "--image-paths is for building one"),
        ({"requested": Request.DAGS}, "--type dags deploys none"),
        ({"image_archive": Path("x.tar")}, "--image-name and --image-archive are both set"),
    ],
)
def test_options_that_only_a_build_takes(
    world: Stage, options: dict[str, Any], message: str
) -> None:
    error = refused(world, code=2, image_name="app:1", **options)
    assert isinstance(error, ConfigurationError)
    assert message in str(error)
