"""Run several tasks that wait for the network at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

T = TypeVar("T")


def in_threads(do: Callable[[T], object], items: Sequence[T], workers: int) -> Iterator[T]:
    """Call a function for all items, and yield each result when it is ready; raise the first error.

    The threads are daemons, unlike the threads of an executor: a cancelled job, or a failed item,
    must not wait for the other items.
    """
    todo: SimpleQueue[T] = SimpleQueue()
    outcomes: SimpleQueue[tuple[T, BaseException | None]] = SimpleQueue()
    stop = threading.Event()
    for item in items:
        todo.put(item)

    def work() -> None:
        while not stop.is_set():
            try:
                item = todo.get_nowait()
            except Empty:
                return
            try:
                do(item)
            except BaseException as error:
                outcomes.put((item, error))  # raised below, in the caller's thread
                return
            outcomes.put((item, None))

    for number in range(min(workers, len(items))):
        threading.Thread(target=work, name=f"upload-{number}", daemon=True).start()
    try:
        for _ in items:
            item, error = outcomes.get()
            if error:
                raise error
            yield item
    finally:
        stop.set()
