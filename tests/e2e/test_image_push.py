"""Pushing to a real registry: what arrives, and what each failure says."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from astro_ci.errors import RegistryError
from astro_ci.image.engine import Engine
from astro_ci.image.registry.push import push_image
from tests.e2e.images import Registry, free_port, registry, unique

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def names(engine: Engine, image: str) -> list[str]:
    return list(engine.client.images.get(image).tags)


@pytest.mark.smoke
def test_what_is_pushed_is_what_the_registry_then_has(
    engine: Engine, base: str, store: Registry
) -> None:
    seen: list[tuple[int, int]] = []
    digest = push_image(
        engine,
        base,
        f"{store.host}/org/project",
        "deploy-1",
        password=store.password,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    manifest = store.get("org/project/manifests/deploy-1")
    assert manifest.status_code == 200
    assert manifest.headers["Docker-Content-Digest"] == digest
    assert f"sha256:{hashlib.sha256(manifest.content).hexdigest()}" == digest
    assert manifest.json()["config"]["digest"] == engine.client.images.get(base).id
    assert seen
    assert all(0 <= done <= total for done, total in seen)
    assert seen[-1][0] == seen[-1][1] > 0
    assert names(engine, base) == [base]


def test_the_scheme_word_of_a_header_is_not_part_of_the_password(
    engine: Engine, base: str, store: Registry
) -> None:
    push_image(engine, base, f"{store.host}/org/bearer", "1", password=f"Bearer {store.password}")
    assert store.get("org/bearer/tags/list").json()["tags"] == ["1"]


def test_a_refused_login_is_not_repeated_and_names_no_secret(
    engine: Engine, base: str, store: Registry
) -> None:
    asked = []

    def password() -> str:
        asked.append(1)
        return "wrong-password"

    with pytest.raises(RegistryError, match=f"registry {store.host} refused the push") as caught:
        push_image(engine, base, f"{store.host}/org/denied", "1", password=password)
    assert "token" in caught.value.hint
    assert "wrong-password" not in str(caught.value)
    assert asked == [1]
    assert names(engine, base) == [base]


def test_a_registry_that_comes_up_late_is_waited_for(
    engine: Engine, base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    running = registry(tmp_path, port=port)
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 1:
            running.__enter__()

    try:
        with caplog.at_level(logging.WARNING):
            digest = push_image(
                engine,
                base,
                f"127.0.0.1:{port}/late",
                "1",
                password=Registry("").password,
                sleep=sleep,
            )
    finally:
        if pauses:
            running.__exit__(None, None, None)
    assert digest.startswith("sha256:")
    assert len(pauses) == 1
    assert "trying again (attempt 2)" in caplog.text


def test_a_registry_that_is_not_there_is_given_up_in_the_end(engine: Engine, base: str) -> None:
    host, pauses = f"127.0.0.1:{free_port()}", list[float]()
    with pytest.raises(RegistryError, match=f"could not reach the registry {host}") as caught:
        push_image(engine, base, f"{host}/org/project", "1", password="x", sleep=pauses.append)
    assert "connection refused" in str(caught.value)
    assert "which makes the connection itself" in caught.value.hint
    assert len(pauses) == 2
    assert pauses == sorted(pauses)
    assert names(engine, base) == [base]


@pytest.mark.parametrize(
    ("status", "attempts", "message"),
    [
        ("429 Too Many Requests", 3, "could not accept the push"),
        ("403 Forbidden", 1, "refused the push"),
        ("418 I'm a teapot", 1, "the push to .* failed"),
    ],
)
def test_a_status_of_the_registry_decides_whether_to_try_again(
    engine: Engine, base: str, status: str, attempts: int, message: str
) -> None:
    pauses: list[float] = []
    with _answering(status) as host, pytest.raises(RegistryError, match=message):
        push_image(engine, base, f"{host}/org/project", "1", password="x", sleep=pauses.append)
    assert len(pauses) + 1 == attempts


def test_an_interrupted_push_stops_and_leaves_no_name_behind(
    engine: Engine, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with registry(tmp_path) as fresh, _large_image(engine) as large:
        with pytest.raises(KeyboardInterrupt):
            push_image(
                engine,
                large,
                f"{fresh.host}/org/stopped",
                "1",
                password=fresh.password,
                on_progress=interrupt,
            )
        assert names(engine, large) == [large]
        # On the loopback the rest would take a fraction of this.
        time.sleep(1.5)
        assert fresh.get("org/stopped/manifests/1").status_code == 404


@contextmanager
def _large_image(engine: Engine) -> Iterator[str]:
    tag, out = unique("large"), BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("random")
        entry.size = 30_000_000
        archive.addfile(entry, BytesIO(os.urandom(entry.size)))
    name, _, version = tag.partition(":")
    engine.client.api.import_image_from_data(out.getvalue(), repository=name, tag=version)
    try:
        yield tag
    finally:
        engine.client.images.remove(tag, force=True)


def test_a_name_that_the_image_had_before_stays(engine: Engine, base: str, store: Registry) -> None:
    repository = f"{store.host}/org/own"
    engine.client.images.get(base).tag(repository, "kept")
    try:
        push_image(engine, base, repository, "kept", password=store.password)
        assert f"{repository}:kept" in names(engine, base)
    finally:
        engine.client.images.remove(f"{repository}:kept")


def test_an_image_that_is_not_there_is_named(engine: Engine) -> None:
    missing = unique("missing")
    with pytest.raises(RegistryError, match=f"image {missing} cannot be pushed"):
        push_image(engine, missing, "127.0.0.1:1/org/project", "1", password="x")


class _answering:
    """An HTTP server that answers every request with one status."""

    def __init__(self, status: str) -> None:
        self._answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self._server = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> str:
        threading.Thread(target=self._serve, daemon=True).start()
        return f"127.0.0.1:{self._server.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(self._answer.encode())
