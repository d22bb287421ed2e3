"""A container of an image is made for a look into it, and is gone afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest

from astro_ci.checks.runners.docker import DockerRunner
from astro_ci.checks.runners.job import Job
from astro_ci.image.engine import Engine, connect
from astro_ci.image.inspection import list_dag_files, read_machine
from astro_ci.terminal.signals import _is_interruptible
from tests.unit.image.stub_engine import StubEngine, serve

CREATE = "POST /containers/create"
SECONDS = 30


class CancelledError(BaseException):
    """What a signal raises."""


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubEngine]:
    """An engine that takes its time to make a container."""
    image = {"Id": "sha256:1", "Config": {"Env": [], "WorkingDir": "/x"}}
    answers: dict[str, tuple[int, object]] = {
        CREATE: (201, {"Id": "made", "Warnings": []}),
        "GET /containers/made/json": (200, {"Id": "made", "Config": {"Env": []}}),
        "GET /images/app/json": (200, image),
    }
    with serve(tmp_path, answers) as engine:
        engine.held[CREATE] = threading.Event()
        yield engine
        engine.held[CREATE].set()


@pytest.fixture
def engine(stub: StubEngine) -> Iterator[Engine]:
    found = connect(stub.env)
    yield found
    found.close()


def cancel_during(stub: StubEngine, look: Callable[[], object]) -> None:
    """Have a signal raise in the main thread while the engine makes the container."""
    raised = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if not raised.is_set() and _is_interruptible(frame):
            raised.set()
            raise CancelledError

    def send() -> None:
        wait_until(lambda: any("/containers/create" in one for one in stub.asked))
        while not raised.wait(0.01):
            os.kill(os.getpid(), signal.SIGUSR1)
        threading.Timer(0.2, stub.held[CREATE].set).start()

    before = signal.signal(signal.SIGUSR1, stop)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        with pytest.raises(CancelledError):
            look()
    finally:
        raised.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def removals(stub: StubEngine, prefix: str) -> list[str]:
    return [one for one in stub.answered if one.startswith(f"DELETE /containers/{prefix}")]


@pytest.mark.parametrize("look", [read_machine, list_dag_files])
def test_a_signal_while_the_container_is_made(
    stub: StubEngine, engine: Engine, look: Callable[[Engine, str], object]
) -> None:
    """The removal comes after the answer: before it, there is nothing to remove."""
    cancel_during(stub, lambda: look(engine, "app"))
    engine.close()
    (removal,) = removals(stub, "astro-ci-look-")
    assert stub.answered.index(removal) > stub.answered.index(CREATE)
    name = removal.rpartition("/")[2]
    assert [one for one in stub.asked if one.endswith(f"/containers/create?name={name}")]


def test_a_signal_while_the_container_of_a_check_is_made(
    stub: StubEngine, engine: Engine, tmp_path: Path
) -> None:
    modules = "astro_ci.checks.pytest.inside"
    job = Job(modules=modules, main="serve", request={}, project=tmp_path, trees={})

    def check() -> None:
        with DockerRunner(engine=engine, image="app").place(job):
            raise AssertionError

    cancel_during(stub, check)
    (removal,) = removals(stub, "astro-ci-check-")
    assert stub.answered.index(removal) > stub.answered.index(CREATE)
