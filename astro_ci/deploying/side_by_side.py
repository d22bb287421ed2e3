"""Run a few blocking jobs at the same time, so that a signal can interrupt them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

PATIENCE_SECONDS = 3.0
"""The time for jobs to stop. GitHub kills a cancelled job ten seconds after the first signal."""


class AbandonedError(Exception):
    """Raised in a job when another job failed, or the run was stopped."""


class Stop:
    """Tells jobs that their work is no longer wanted."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Make `check` raise from now on."""
        self._event.set()

    def check(self) -> None:
        """Raise AbandonedError when the work is no longer wanted. Jobs call this now and then."""
        if self._event.is_set():
            raise AbandonedError


def run_side_by_side(
    jobs: Sequence[Callable[[Stop], None]], *, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Run jobs to their end, each in a thread; raise the first error at once.

    After an error the other jobs are asked to stop, and have `patience_seconds` to clean up. A job
    that still hangs is a daemon thread, which ends with the process.
    """
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    stop = Stop()

    def run(job: Callable[[Stop], None]) -> None:
        try:
            job(stop)
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    threads = [threading.Thread(target=run, args=(job,), daemon=True) for job in jobs]
    try:
        for thread in threads:
            thread.start()
        for _ in threads:
            if error := ended.get():
                raise error
    finally:
        stop.set()
        for thread in threads:
            if thread.ident:
                thread.join(patience_seconds)
