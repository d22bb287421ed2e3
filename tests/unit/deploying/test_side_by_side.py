from __future__ import annotations

import threading
import time

import pytest

from astro_ci.deploying.side_by_side import AbandonedError, Stop, run_side_by_side


def test_jobs_run_at_once() -> None:
    meeting = threading.Barrier(2, timeout=60)

    def meet(stop: Stop) -> None:
        meeting.wait()

    run_side_by_side([meet, meet])


def test_no_jobs() -> None:
    run_side_by_side([])


def test_the_first_failure_is_raised_and_the_others_clean_up() -> None:
    cleaned = threading.Event()

    def fail(stop: Stop) -> None:
        raise ValueError("first")

    def work(stop: Stop) -> None:
        try:
            while True:
                stop.check()
                time.sleep(0.01)
        except AbandonedError:
            cleaned.set()
            raise

    with pytest.raises(ValueError, match="first"):
        run_side_by_side([work, fail])
    assert cleaned.is_set()


def test_one_that_hangs_is_not_waited_for_for_ever() -> None:
    release = threading.Event()

    def hang(stop: Stop) -> None:
        release.wait(60)

    def fail(stop: Stop) -> None:
        raise ValueError("first")

    started = time.monotonic()
    with pytest.raises(ValueError, match="first"):
        run_side_by_side([hang, fail], patience_seconds=0.1)
    assert time.monotonic() - started < 30
    release.set()


def test_a_job_that_hangs_does_not_keep_the_process() -> None:
    """Only threads that are no daemons are waited for at the end of a process."""
    kinds = list[bool]()
    run_side_by_side([lambda stop: kinds.append(threading.current_thread().daemon)] * 2)
    assert kinds == [True, True]
