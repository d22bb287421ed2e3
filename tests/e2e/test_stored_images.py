"""Archives that a real engine saved, sent without it, and pulled by it again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine
from astro_ci.image.inspection import inspect_image, look_into_image
from astro_ci.image.prebuilt.without_engine import RegistryImage, StoredArchive
from astro_ci.image.source import Destination
from tests.e2e.images import Registry, read_image_files, registry, unique
from tests.integration.registry.test_sources import docker_login

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.mark.parametrize("kind", ["docker save", "oci"])
def test_what_the_engine_saved_is_what_it_pulls(
    engine: Engine, base: str, store: Registry, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "image.tar"
    name = unique("stored")
    if kind == "oci":
        (tmp_path / "Dockerfile").write_text(f"FROM {base}\n")
        (tmp_path / "packages.txt").touch()
        (tmp_path / "requirements.txt").touch()
        command = ["docker", "buildx", "build", "--provenance=false", "--output"]
        done = subprocess.run(
            [*command, f"type=oci,dest={path}", str(tmp_path)], capture_output=True, timeout=150
        )
        if done.returncode:
            pytest.skip(f"this builder writes no OCI archive: {done.stderr.decode()[-200:]}")
    else:
        subprocess.run(["docker", "save", "-o", str(path), base], check=True, timeout=150)

    source = StoredArchive(path, {"TMPDIR": str(tmp_path)})
    image = source.fetch()
    image.push(
        Destination(f"{store.host}/{name.partition(':')[0]}", "1"),
        password=lambda: store.password,
        on_progress=lambda done, total: None,
        sleep=lambda seconds: None,
    )
    source.close()

    pulled = f"{store.host}/{name.partition(':')[0]}:1"
    login = {"username": "cli", "password": store.password}
    engine.client.images.pull(pulled, auth_config=login)
    try:
        facts = look_into_image(engine, inspect_image(engine, pulled))
        assert facts.id == image.facts.id
        assert facts.machine == image.facts.machine == "amd64"
        assert facts.runtime_version == image.facts.runtime_version == "13.1.0"
        if kind == "docker save":
            assert facts.id == inspect_image(engine, base).id
            assert read_image_files(engine, pulled) == read_image_files(engine, base)
    finally:
        engine.remove_image(pulled)


def test_what_the_engine_pushed_is_read_without_it(
    engine: Engine, base: str, store: Registry, tmp_path: Path
) -> None:
    repository, login = f"{store.host}/pushed", {"username": "cli", "password": store.password}
    engine.client.images.get(base).tag(repository, "1")
    try:
        engine.client.api.push(repository, tag="1", auth_config=login)
    finally:
        engine.untag(f"{repository}:1")
    source = RegistryImage(f"{repository}:1", docker_login(tmp_path, store.host, store.password))
    facts = source.fetch().facts
    source.close()
    expected = look_into_image(engine, inspect_image(engine, base))
    assert (facts.id, facts.os, facts.architecture, facts.runtime_version, facts.machine) == (
        expected.id,
        expected.os,
        expected.architecture,
        expected.runtime_version,
        expected.machine,
    )
