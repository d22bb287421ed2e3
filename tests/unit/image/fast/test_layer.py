"""The new layer and the new documents: what they hold, and that they are the same each time."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from astro_ci.errors import ProjectError
from astro_ci.image.fast.layer import CodeLayer, make_layer
from astro_ci.image.fast.old_layer import OldLayer, read_old_layer
from astro_ci.image.fast.replace import replace_code
from astro_ci.image.fast.running import RunningImage
from astro_ci.image.registry.manifest import digest_of
from astro_ci.image.stored.layers import unpacked
from astro_ci.project.dockerignore import DockerIgnore
from tests.unit.image.fast.images import (
    HOME,
    TREE,
    code,
    document,
    running,
    source,
    tar,
)

LAYER = tar(code())
LABELS = {"org.opencontainers.image.revision": "b" * 40}
CREATED = "2026-11-26T10:00:00+00:00"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.joinpath("include", "empty").mkdir(parents=True)
    root.joinpath("include", "Grüße und x").write_bytes(b"hello")
    root.joinpath("include", "run").write_bytes(b"#!/bin/sh\n")
    root.joinpath("include", "run").chmod(0o750)
    root.joinpath("link").symlink_to("include/../include/run")
    root.joinpath(".git").mkdir()
    root.joinpath("dags").mkdir()
    root.joinpath("dags", "d.py").touch()
    root.joinpath(os.fsdecode(b"not-\xff-utf8")).touch()
    root.joinpath("n" * 200).touch()
    root.joinpath("Dockerfile").write_text("FROM x\n")
    for path in root.rglob("*"):
        if not path.is_symlink() and path.name != "run":
            path.chmod(0o755 if path.is_dir() else 0o644)
    return root


def old() -> OldLayer:
    return read_old_layer(running(source(LAYER)), TREE)


def make(root: Path, scratch: Path) -> CodeLayer:
    scratch.mkdir(exist_ok=True)
    return make_layer(
        root,
        ignore=DockerIgnore.parse(".git\nDockerfile\n"),
        leave_out={"dags"}.__contains__,
        home=HOME,
        old=old(),
        scratch=scratch,
    )


def entries(layer: CodeLayer) -> dict[str, tarfile.TarInfo]:
    raw = b"".join(unpacked(layer.read(0)))
    assert digest_of(raw) == layer.diff_id
    with tarfile.open(fileobj=io.BytesIO(raw), errors="surrogateescape") as archive:
        return {one.name: one for one in archive}


def test_the_layer_has_what_a_build_would_copy(project: Path, tmp_path: Path) -> None:
    layer = make(project, tmp_path / "one")
    assert layer.size == layer.path.stat().st_size
    assert digest_of(layer.path.read_bytes()) == layer.digest
    found = entries(layer)
    names = [
        *("include", "include/Grüße und x", "include/empty", "include/run", "link"),
        *("n" * 200, "not-\udcff-utf8"),
    ]
    above = ["usr", "usr/local", HOME]
    assert list(found) == [*above, *(f"{HOME}/{name}" for name in names)]
    assert layer.files == 5
    assert [(found[one].uid, found[one].mtime) for one in above] == [
        (0, 1000),
        (0, 1001),
        (50000, 1002),
    ]
    assert found[HOME].mode == 0o775, "as it was"
    ours = [one for name, one in found.items() if name not in above]
    assert {(one.uid, one.gid, one.uname, one.mtime) for one in ours} == {
        (50000, 0, "", 315_619_200)
    }
    assert found[f"{HOME}/include/run"].mode == 0o750
    assert found[f"{HOME}/link"].linkname == "include/../include/run"
    assert found[f"{HOME}/include/empty"].isdir()


def test_the_same_checkout_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    first = make(project, tmp_path / "one")
    for path in project.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (1, 1))
    project.joinpath(".git", "HEAD").write_text("x")
    assert make(project, tmp_path / "two").digest == first.digest
    project.joinpath("include", "run").write_bytes(b"#!/bin/bash\n")
    assert make(project, tmp_path / "three").digest != first.digest


def test_what_a_build_refuses_is_refused(project: Path, tmp_path: Path) -> None:
    project.joinpath("model.bin").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12345\n"
    )
    with pytest.raises(ProjectError, match=r"model\.bin"):
        make(project, tmp_path / "one")


@pytest.mark.parametrize("oci", [False, True])
def test_only_what_speaks_of_the_code_is_new(project: Path, tmp_path: Path, oci: bool) -> None:
    labels = {**document(LAYER)["config"]["Labels"], "astro-ci.inputs": "of the old code"}
    told = document(LAYER, config={**document(LAYER)["config"], "Labels": labels})
    image = running(source(LAYER, told, oci=oci, annotations={"of": "the old"}, odd="kept"))
    layer = make(project, tmp_path / "one")
    made = replace_code(image, layer, labels=LABELS, created=CREATED)
    before, after = document(LAYER), json.loads(made.config)
    assert after["rootfs"]["diff_ids"] == [before["rootfs"]["diff_ids"][0], layer.diff_id]
    assert after["history"][2] == {"created": CREATED, "created_by": "COPY . . # astro-ci"}
    assert [after["history"][n] for n in (0, 1, 3)] == [before["history"][n] for n in (0, 1, 3)]
    assert after["created"] == CREATED
    assert after["config"].pop("Labels") == {
        **before["config"].pop("Labels"),
        **LABELS,
        "astro-ci.built": "2026-11-20T10:00:00.123456+00:00",
    }
    assert after["config"] == before["config"], "unknown keys as well"
    assert after["moby.buildkit.buildinfo.v1"] == "kept"
    assert "moby.buildkit.cache.v0" not in after, "it would hand the new layer out for the old code"

    old_manifest, manifest = json.loads(image.found.raw), json.loads(made.manifest.raw)
    assert manifest["layers"][0] == old_manifest["layers"][0]
    assert manifest["layers"][1] == {
        "mediaType": old_manifest["layers"][1]["mediaType"],
        "size": layer.size,
        "digest": layer.digest,
    }
    assert manifest["config"]["digest"] == digest_of(made.config)
    assert manifest["mediaType"] == old_manifest["mediaType"] == made.manifest.media_type
    assert manifest["odd"] == "kept"
    assert "annotations" not in manifest


def again(image: RunningImage, layer: CodeLayer, made: Any) -> RunningImage:
    """The image that was made, as it runs."""
    found = source(LAYER)
    found.manifest = made.manifest.raw
    found.blobs = {
        made.manifest.config.digest: made.config,
        layer.digest: layer.path.read_bytes(),
    }
    return running(found)


def test_replacing_again_changes_nothing(project: Path, tmp_path: Path) -> None:
    layer = make(project, tmp_path / "one")
    first = running(source(LAYER))
    made = replace_code(first, layer, labels=LABELS, created=CREATED)
    second = again(first, layer, made)
    assert second.built_at == first.built_at, "when it was built does not move"
    once_more = replace_code(second, layer, labels=LABELS, created=CREATED)
    assert once_more.manifest.digest == made.manifest.digest
