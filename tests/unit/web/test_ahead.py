"""What is asked for ahead of its need."""

from __future__ import annotations

import threading

import pytest

from astro_ci.web.ahead import begin

SECONDS = 10.0


def test_an_answer_is_there_when_it_is_needed() -> None:
    assert begin(lambda: 7).result(SECONDS) == 7


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_error_is_raised_where_the_answer_is_needed(kind: type[BaseException]) -> None:
    def ask() -> None:
        raise kind("no")

    with pytest.raises(kind, match="no"):
        begin(ask).result(SECONDS)


def test_the_end_of_a_run_does_not_wait_for_it() -> None:
    """Threads that are daemons end with the process; their name tells a debugger what they are."""
    asking = begin(threading.current_thread).result(SECONDS)
    assert asking is not threading.current_thread()
    assert (asking.daemon, asking.name) == (True, "ahead")
