"""Run a few blocking jobs at once, and stay interruptible."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence


def run_side_by_side(jobs: Sequence[Callable[[], None]]) -> None:
    """Run jobs to their end, each in a thread; the first failure is raised at once.

    The threads are daemons: what is still under way when this raises, for a failure or a signal,
    is abandoned, and ends with the process at the latest.
    """
    ended: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()

    def run(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            ended.put(error)
        else:
            ended.put(None)

    for job in jobs:
        threading.Thread(target=run, args=(job,), daemon=True).start()
    for _ in jobs:
        if error := ended.get():
            raise error
