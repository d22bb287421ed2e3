"""Start a request before its result is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begin(ask: Callable[[], T]) -> Future[T]:
    """Call a function in a new thread; the future has its result or its exception.

    The thread is a daemon, unlike the threads of an executor: a run that ends for another reason
    must not wait for a result that is no longer needed.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="ahead", daemon=True).start()
    return answer
