"""Begin to ask for something before the answer is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def begin(ask: Callable[[], T]) -> Future[T]:
    """Ask in a thread of its own; the future's `result` gives the answer, or raises what it did.

    The thread is a daemon, which no executor's are: a run that ends for another reason must not
    wait for an answer that nobody needs any more.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=run, name="ahead", daemon=True).start()
    return answer
