"""Checks on an engine that is elsewhere: reached over TCP, and lost in the middle."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from astro_ci.checks.parse import ParseRequest, parse_dags
from astro_ci.checks.runners import DockerRunner
from astro_ci.errors import AstroCIError, DockerError
from astro_ci.image.engine import Engine, connect
from tests.dag_files import a_dag
from tests.e2e.airflow_image import runtime_tag
from tests.e2e.test_checks import remains

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


class Wire:
    """A TCP port in front of the engine's socket, which can be cut."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.host = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and take no other."""
        for end in (self._server, *self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            self._ends += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            return


@pytest.fixture
def wire(engine: Engine) -> Iterator[Wire]:
    kind, _, path = engine.host.partition("://")
    if kind != "unix":
        pytest.skip("the engine is not on this machine's socket")
    made = Wire(path)
    yield made
    made.cut()


@pytest.fixture
def far(wire: Wire) -> Iterator[Engine]:
    made = connect({**os.environ, "DOCKER_HOST": wire.host})
    yield made
    made.close()


@pytest.fixture(scope="module")
def image(engine: Engine, airflow_3: Path) -> str:
    return runtime_tag(engine, 3, airflow_3)


@pytest.fixture
def request_(tmp_path: Path) -> ParseRequest:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "a.py").write_text(a_dag("a"))
    return ParseRequest(project=tmp_path, dags=dags)


def test_files_reach_an_engine_that_sees_no_file_of_ours(
    far: Engine, wire: Wire, image: str, request_: ParseRequest
) -> None:
    assert far.host == wire.host
    checked = parse_dags(request_, DockerRunner(engine=far, image=image))
    assert (checked.status, checked.files) == ("passed", 1)


def test_an_engine_that_is_lost_in_the_middle_is_no_pass(
    engine: Engine, far: Engine, wire: Wire, image: str, request_: ParseRequest
) -> None:
    before, _ = remains(engine)
    found: list[Any] = []

    def check() -> None:
        try:
            found.append(parse_dags(request_, DockerRunner(engine=far, image=image)))
        except DockerError as error:
            found.append(error)

    thread = threading.Thread(target=check)
    thread.start()
    running: list[Any] = []
    while not running:
        assert not found, found
        time.sleep(0.05)
        running = [
            container
            for container in engine.client.containers.list(filters={"label": "astro-ci-check"})
            if container.labels["astro-ci-check"] not in before
        ]
    wire.cut()
    thread.join(60)
    (error,) = found
    assert isinstance(error, DockerError)
    assert f"the check in a container of the image {image} was cut off: " in error.message
    assert "stays up and reachable" in error.hint
    for container in running:  # which nobody but the engine's owner can do now
        container.remove(force=True)


def test_a_container_that_somebody_removes_is_no_pass(
    engine: Engine, image: str, request_: ParseRequest
) -> None:
    before, _ = remains(engine)

    def remove() -> None:
        while True:
            for container in engine.client.containers.list(filters={"label": "astro-ci-check"}):
                if container.labels["astro-ci-check"] not in before:
                    container.remove(force=True)
                    return
            time.sleep(0.05)

    thread = threading.Thread(target=remove)
    thread.start()
    with pytest.raises(AstroCIError) as caught:
        parse_dags(request_, DockerRunner(engine=engine, image=image))
    thread.join(60)
    assert "was cut off: " in caught.value.message or "before it was done" in caught.value.message
    assert caught.value.hint
