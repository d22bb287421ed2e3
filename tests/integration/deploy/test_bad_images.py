"""Images that must not be deployed, and images of odd shapes that must: without an engine."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from astro_ci.image.registry.manifest import Descriptor
from tests.integration.deploy.test_without_engine import NO_ENGINE, odd, refused, run, world
from tests.integration.registry.images import MemoryImage, repository, sha256
from tests.integration.registry.odd import Exchange, OddRegistry
from tests.integration.registry.test_sources import stored
from tests.integration.stage import Stage
from tests.unit.image.stored.archives import program, saved_files, tar, write_tar

__all__ = ["odd", "world"]  # fixtures


def name_at(odd: OddRegistry) -> str:
    return f"{odd.host}/team/app:1"


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (lambda: MemoryImage(architecture="arm64"), "is for linux/arm64", "--platform=linux/amd64"),
        (lambda: MemoryImage(os_name="windows"), "is for Windows", "with Linux containers"),
        (lambda: MemoryImage(runtime=None), "has no label", "Name an Astro Runtime image"),
        (lambda: MemoryImage(runtime="99.0.0"), "does not support", "Use a supported version"),
    ],
)
def test_an_image_of_a_registry_that_astro_cannot_run(
    world: Stage, odd: OddRegistry, make: Callable[[], MemoryImage], message: str, hint: str
) -> None:
    stored(odd, make())
    error = refused(world, "--image-name", name_at(odd), code=3)
    assert message in error["message"]
    assert hint in error["hint"]


def test_archives_that_are_not_one_whole_image(world: Stage, tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "whole.tar", saved_files())
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    error = refused(world, "--image-archive", str(cut), code=3)
    assert "cut off" in error["message"]
    assert "check that the file arrived whole" in error["hint"]

    files = saved_files()
    (one,) = json.loads(str(files["manifest.json"], "utf-8"))  # type: ignore[arg-type]
    files["manifest.json"] = json.dumps([one, {**one, "RepoTags": ["b:2"]}]).encode()
    several = write_tar(tmp_path / "several.tar", files)
    error = refused(world, "--image-archive", str(several), code=3)
    assert "holds 2 images" in error["message"]
    assert "docker save IMAGE" in error["hint"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every directory")
def test_an_archive_in_a_directory_that_cannot_be_read(world: Stage, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    path = write_tar(closed / "image.tar", saved_files())
    closed.chmod(0)
    try:
        error = refused(world, "--image-archive", str(path), code=3)
    finally:
        closed.chmod(0o700)
    assert "cannot be read: Permission denied" in error["message"]


def test_an_archive_behind_what_is_no_directory(world: Stage, tmp_path: Path) -> None:
    """What root sees as well: a directory that nobody can read from."""
    (tmp_path / "file").write_text("")
    error = refused(world, "--image-archive", str(tmp_path / "file" / "image.tar"), code=3)
    assert "cannot be read: Not a directory" in error["message"]
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    error = refused(world, "--image-archive", str(loop / "image.tar"), code=3)
    assert "cannot be read" in error["message"]


def test_a_tag_that_moves_after_it_was_looked_at(world: Stage, odd: OddRegistry) -> None:
    first, second = MemoryImage(), MemoryImage()
    stored(odd, first)

    def move(exchange: Exchange) -> bool:
        for digest, blob in second.blobs.items():
            odd.blobs["team/app", digest] = blob
        odd.manifests["team/app", "1"] = (second.manifest.media_type, second.manifest.raw)
        return False

    # When the first layer is looked at, the manifest has been read.
    odd.trouble("GET .*/blobs/", move)
    done = run(world, "deploy", "--json", "--image-name", name_at(odd))
    assert done.code == 0, done.err
    assert odd.manifests["team/app", "1"][1] == second.manifest.raw
    assert world.astro.image_config("production") == first.config
    assert done.document["image"]["digest"] == first.manifest.config.digest


@pytest.mark.parametrize("what", ["manifests/1", "blobs/"])
def test_a_registry_that_answers_with_a_page_later_on(
    world: Stage, odd: OddRegistry, what: str
) -> None:
    stored(odd, MemoryImage())
    page = b"<!doctype html><title>Sign in</title>"
    odd.trouble(f"GET .*/{what}", lambda e: e.answer(200, page, Content_Type="text/html"), times=20)
    error = refused(world, "--image-name", name_at(odd), code=4)
    assert "with a web page: it is not a registry" in error["message"]
    assert "let the proxy or firewall pass /v2/" in error["hint"]


def test_a_layer_of_no_bytes_is_sent_as_it_is(world: Stage, odd: OddRegistry) -> None:
    """Odd, but what the manifest says: registries have such blobs."""
    image = MemoryImage()
    packed = image.manifest.layers[1].digest
    document = json.loads(image.manifest.raw)
    document["layers"][1] |= {"digest": sha256(b""), "size": 0}
    image.blobs[sha256(b"")] = b""
    del image.blobs[packed]
    raw = json.dumps(document).encode()
    for digest, blob in image.blobs.items():
        odd.blobs["team/app", digest] = blob
    odd.manifests["team/app", "1"] = (image.manifest.media_type, raw)
    done = run(world, "deploy", "--json", "--image", "--image-name", name_at(odd))
    assert done.code == 0, done.err
    assert world.astro.image_layers("production")[1] == b""


def test_an_image_of_127_layers_is_deployed(world: Stage, odd: OddRegistry) -> None:
    layers = [tar({"bin/sh": program()})]
    layers += [tar({f"{number}": os.urandom(20)}) for number in range(126)]
    image = MemoryImage(layers)
    stored(odd, image)
    done = run(world, "deploy", "--json", "--image", "--image-name", name_at(odd))
    assert done.code == 0, done.err
    assert len(world.astro.image_layers("production")) == 127
    assert world.astro.image_config("production") == image.config


@pytest.mark.skipif("ASTRO_CI_TEST_EXAMPLES" not in os.environ, reason="`make nightly` sends it")
@pytest.mark.timeout(1800)
def test_a_layer_of_more_than_two_gigabytes_is_streamed(
    world: Stage, odd: OddRegistry, tmp_path: Path
) -> None:
    """From one registry to another, by a process that may not have half of it in memory."""
    size, piece = (2 << 30) + 1, bytes(1 << 20)
    digest = hashlib.sha256()
    for _ in range(size >> 20):
        digest.update(piece)
    digest.update(b"\0")
    large = f"sha256:{digest.hexdigest()}"
    image = MemoryImage()
    document = json.loads(image.manifest.raw)
    document["layers"][1] |= {"digest": large, "size": size}
    stored(odd, image)
    odd.manifests["team/app", "1"] = (image.manifest.media_type, json.dumps(document).encode())

    def stream(exchange: Exchange) -> bool:
        asked = exchange.headers.get("Range", "bytes=0-")
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        exchange.answer(206 if start else 200, Content_Length=str(size - start))
        for position in range(start, size, len(piece)):
            exchange.wfile.write(piece[: size - position])
        return True

    odd.trouble(f"GET .*{large}", stream, times=200)
    command = [sys.executable, "-m", "astro_ci", "deploy", "--image", "--image-name", name_at(odd)]
    limited = ["sh", "-c", 'ulimit -v 1000000 && exec "$@"', "sh", *command]
    env = {**world.env, **NO_ENGINE, "HOME": str(tmp_path)}
    done = subprocess.run(limited, cwd=world.project.root, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    deployment = world.astro.deployment("production")
    host, _, path = deployment.image_repository.partition("/")
    there = repository(host, path, world.astro.token)
    assert there.has(Descriptor(media_type="", digest=large, size=size))
    there.close()
