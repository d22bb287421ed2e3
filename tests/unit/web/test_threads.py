"""Several things at once: as many as allowed, all of them done, and no waiting after an error."""

from __future__ import annotations

import threading

import pytest

from astro_ci.web.threads import in_threads

SECONDS = 10.0


def test_each_item_is_done_once_and_told() -> None:
    done: list[int] = []
    assert sorted(in_threads(done.append, range(50), 4)) == list(range(50))
    assert sorted(done) == list(range(50))


def test_nothing_to_do() -> None:
    assert list(in_threads(pytest.fail, [], 4)) == []


def test_as_many_are_done_at_once_as_there_are_workers() -> None:
    together = threading.Barrier(3)
    found = in_threads(lambda _: together.wait(SECONDS), range(6), 3)
    assert sorted(found) == list(range(6)), "a barrier that is never full is an error"


def test_there_are_no_more_workers_than_asked_for() -> None:
    workers: set[threading.Thread] = set()
    list(in_threads(lambda _: workers.add(threading.current_thread()), range(50), 2))
    assert {worker.name for worker in workers} <= {"upload-0", "upload-1"}
    assert all(worker.daemon for worker in workers), "the end of a run waits for none of them"


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_is_raised_and_the_rest_is_left(kind: type[BaseException]) -> None:
    done: list[str] = []

    def do(item: str) -> None:
        if item == "bad":
            raise kind("no")
        done.append(item)

    found = in_threads(do, ["good", "bad", "rest"], 1)
    assert next(found) == "good"
    with pytest.raises(kind, match="no"):
        next(found)
    assert done == ["good"]


def test_an_error_waits_for_nobody() -> None:
    """What the others do may take for ever; after it, they begin nothing else."""
    begun, release = threading.Event(), threading.Event()
    done, workers = list[str](), dict[str, threading.Thread]()

    def do(item: str) -> None:
        workers[item] = threading.current_thread()
        if item == "slow":
            begun.set()
            assert release.wait(SECONDS)
        elif item == "bad":
            assert begun.wait(SECONDS)
            raise ValueError("no")
        done.append(item)

    with pytest.raises(ValueError, match="no"):
        list(in_threads(do, ["slow", "bad", "rest"], 2))
    assert done == []
    release.set()
    workers["slow"].join(SECONDS)
    assert done == ["slow"]


def test_who_looks_no_further_ends_the_work() -> None:
    release, workers, done = threading.Event(), dict[str, threading.Thread](), list[str]()

    def do(item: str) -> None:
        workers[item] = threading.current_thread()
        if item == "second":
            assert release.wait(SECONDS)
        done.append(item)

    found = in_threads(do, ["first", "second", "third"], 1)
    assert next(found) == "first"
    worker = workers["first"]
    found.close()  # type: ignore[attr-defined]
    release.set()
    worker.join(SECONDS)
    assert not worker.is_alive()
    assert "third" not in done
