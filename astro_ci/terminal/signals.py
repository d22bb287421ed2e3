"""What a cancelled job's signals do."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from astro_ci.errors import Stopped


def stop_on_signals() -> Callable[[], None]:
    """Turn a cancelled job's signals into an exception, once: a second one ends us at once.

    Gives a check that raises it again, as Python drops what is raised while it deletes an object.
    """
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        received.append(number)
        raise Stopped(number)

    def check() -> None:
        if received:
            raise Stopped(received[0])

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    return check


def ignore_signals() -> None:
    """What was done is done, and only has to be told."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
