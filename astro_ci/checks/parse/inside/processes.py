"""End the processes that load DAG files, describe their ends, and discard their output."""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def ending(status: int) -> str:
    """Describe a wait status as a clause; "" for exit status 0."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(number).name}"
        return f"it was ended by signal {number}"
    code = os.WEXITSTATUS(status)
    return f"it ended the process with exit status {code}" if code else ""


def kill(group: int) -> None:
    """Kill a process group, if it still exists."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end_with(child: int) -> None:
    """Kill the child on SIGTERM too, because the child has a process group of its own."""

    def end(number: int, _frame: object) -> None:
        kill(child)
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def silence() -> None:
    """Discard the output of DAG files, which may be megabytes long or hold a secret."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
