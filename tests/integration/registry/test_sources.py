"""Images from archives and registries, sent to registries without an engine."""

from __future__ import annotations

import base64
import gzip
import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from astro_ci.errors import AstroCIError, ProjectError, RegistryError
from astro_ci.image.prebuilt.without_engine import RegistryImage, StoredArchive
from astro_ci.image.source import Destination
from astro_ci.image.stored.ready import StoredImage
from tests.integration.registry.conftest import Counterpart
from tests.integration.registry.images import MemoryImage, repository
from tests.integration.registry.odd import PASSWORD, Exchange, OddRegistry
from tests.unit.image.stored.archives import BASE, CODE, layout_files, saved_files, write_tar


def push(image: StoredImage, host: str, name: str, password: str, tag: str = "1") -> str:
    return image.push(
        Destination(f"{host}/{name}", tag),
        password=lambda: f"Bearer {password}",
        on_progress=lambda done, total: None,
        sleep=lambda seconds: None,
    )


def stored(odd: OddRegistry, image: MemoryImage, name: str = "team/app", tag: str = "1") -> None:
    odd.blobs |= {(name, digest): blob for digest, blob in image.blobs.items()}
    entry = (image.manifest.media_type, image.manifest.raw)
    odd.manifests[name, tag] = odd.manifests[name, image.manifest.digest] = entry


def docker_login(directory: Path, host: str, password: str = PASSWORD) -> dict[str, str]:
    auth = base64.b64encode(f"cli:{password}".encode()).decode()
    (directory / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(directory), "PATH": os.defpath}


@pytest.mark.parametrize("make", [saved_files, layout_files])
def test_an_archive_arrives(
    counterpart: Counterpart, tmp_path: Path, make: Callable[[], dict[str, bytes | str | None]]
) -> None:
    source = StoredArchive(write_tar(tmp_path / "image.tar", make()), {})
    image = source.fetch()
    digest = push(image, counterpart.host, counterpart.names[0], counterpart.password, "archive")
    # The second Deployment of the registry gets what the first one has.
    again = push(image, counterpart.host, counterpart.names[1], counterpart.password, "archive")
    source.close()
    assert digest == again
    for name in counterpart.names:
        target = repository(counterpart.host, name, counterpart.password)
        found = target.image("archive")
        assert found.digest == digest
        assert found.config.digest == image.facts.id
        layers = [gzip.decompress(b"".join(target.read(layer))) for layer in found.layers]
        assert layers == [BASE, CODE]


def test_an_image_goes_from_registry_to_registry(
    counterpart: Counterpart, odd: OddRegistry, tmp_path: Path
) -> None:
    memory = MemoryImage()
    stored(odd, memory)
    odd.login = "basic"
    env = docker_login(tmp_path, odd.host)
    source = RegistryImage(f"{odd.host}/team/app:1", env)
    image = source.fetch()
    assert image.facts.id == memory.manifest.config.digest
    stored(odd, MemoryImage())  # somebody moves the tag
    digest = push(image, counterpart.host, counterpart.names[0], counterpart.password, "copy")
    source.close()
    assert digest == memory.manifest.digest
    found = repository(counterpart.host, counterpart.names[0], counterpart.password).image("copy")
    assert found == memory.manifest


def test_within_one_registry_nothing_is_moved(odd: OddRegistry) -> None:
    memory = MemoryImage()
    stored(odd, memory)
    source = RegistryImage(f"{odd.host}/team/app:1", {})
    image = source.fetch()
    before = len(odd.requests("GET", "/blobs/"))
    push(image, odd.host, "astro/deployment", "token")
    source.close()
    assert len(odd.requests("GET", "/blobs/")) == before
    assert not odd.requests("PUT", "/blobs/")
    assert len(odd.requests("POST", "mount=")) == len(memory.blobs)


def test_five_deployments_get_each_layer_once(odd: OddRegistry, tmp_path: Path) -> None:
    source = StoredArchive(write_tar(tmp_path / "image.tar", saved_files()), {})
    image = source.fetch()
    for number in range(5):
        push(image, odd.host, f"astro/{number}", "token")
    source.close()
    assert len(odd.requests("PUT", "/blobs/")) == 3
    assert len(odd.requests("POST", "mount=")) == 4 * 3


def test_both_ends_break_and_the_image_arrives(odd: OddRegistry, object_store: OddRegistry) -> None:
    memory = MemoryImage([os.urandom(3_000_000)])
    stored(odd, memory)
    layer = memory.manifest.layers[0].digest

    def break_off(exchange: Exchange) -> bool:
        data = memory.blobs[layer]
        exchange.answer(200, data[:1_000_000], Content_Length=str(len(data)))
        exchange.close_connection = True
        return True

    source = RegistryImage(f"{odd.host}/team/app:1", {})
    image = source.fetch()
    odd.trouble(f"GET .*{layer}", break_off)
    object_store.trouble("PUT .*uploads", lambda exchange: exchange.drop())
    push(image, object_store.host, "astro/deployment", "token")
    source.close()
    assert object_store.blobs["astro/deployment", layer] == memory.blobs[layer]


def test_a_layer_is_never_held_as_a_whole(odd: OddRegistry, tmp_path: Path) -> None:
    size = 40_000_000
    files = saved_files(BASE, os.urandom(1000) * (size // 1000))
    source = StoredArchive(write_tar(tmp_path / "image.tar", files), {})
    files.clear()
    image = source.fetch()
    tracemalloc.start()
    try:
        for layer in image.image.blobs:
            layer.describe()
            for _ in layer.read(0):
                pass
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
        source.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MemoryImage(architecture="arm64"), "is for linux/arm64"),
        (lambda: MemoryImage(os_name="windows"), "is for Windows"),
    ],
)
def test_an_image_that_astro_cannot_run(
    odd: OddRegistry, make: Callable[[], MemoryImage], message: str
) -> None:
    stored(odd, make())
    source = RegistryImage(f"{odd.host}/team/app:1", {})
    with pytest.raises(ProjectError, match=message):
        source.fetch()
    source.close()


def test_what_a_source_says_when_it_cannot(odd: OddRegistry, tmp_path: Path) -> None:
    def failure(reference: str) -> AstroCIError:
        source = RegistryImage(reference, {})
        with pytest.raises(AstroCIError) as caught:
            source.fetch()
        source.close()
        return caught.value

    missing = failure(f"{odd.host}/team/app:1")
    assert isinstance(missing, RegistryError)
    assert "answered 404" in str(missing)
    assert failure("Not A Name").exit_code == 2
    odd.login = "basic"
    refused = failure(f"{odd.host}/team/app:1")
    assert "docker login" in refused.hint
    assert refused.exit_code == 4


def test_two_threads_describe_a_layer_once(tmp_path: Path) -> None:
    source = StoredArchive(write_tar(tmp_path / "image.tar", saved_files()), {})
    layer = source.fetch().image.blobs[0]
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(layer.describe())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(one is found[0] for one in found)
    source.close()
