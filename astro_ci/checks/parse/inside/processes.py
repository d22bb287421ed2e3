"""The processes that load DAG files: how they end, and what they must not do."""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def ending(status: int) -> str:
    """Say how a process ended, as a clause; "" when it ended well."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with suppress(ValueError):
            return f"it was ended by {signal.Signals(number).name}"
        return f"it was ended by signal {number}"
    code = os.WEXITSTATUS(status)
    return f"it ended the process with exit status {code}" if code else ""


def kill(group: int) -> None:
    """End a process group, if there still is one."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def end_with(child: int) -> None:
    """Let a cancelled job end the child too, which has a process group of its own."""

    def end(number: int, _frame: object) -> None:
        kill(child)
        os._exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def silence() -> None:
    """Let nothing that DAG files print come anywhere: it may be megabytes, or a secret."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
