"""A process that reads the files, made as a copy of this one, before there is anything to read.

A new Python takes 30 ms to start and to load its library; a copy has that behind it. Only the
command line can make a copy, first of all: with other threads, a copy may hold a lock for ever.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from typing import BinaryIO, NoReturn


class Forked:
    """The copy, with as much of the interface of `subprocess.Popen` as is needed to ask it."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self._code: int | None = None
        self._lock = threading.Lock()

    def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        with self._lock:
            if self._code is None:
                _, status = os.waitpid(self.pid, 0)
                self._code = os.waitstatus_to_exitcode(status)
            return self._code

    def end(self) -> None:
        """Kill the copy and what it started."""
        with self._lock:
            if self._code is None:  # until it is waited for, its number is nobody else's
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)  # before it has a group of its own
        self.wait()
        for stream in (self.stdin, self.stdout):
            with suppress(BrokenPipeError):
                stream.close()


def fork() -> Forked | None:
    """Make the copy; None where a copy is not safe, or cannot be made.

    A library of macOS may have started threads that nobody sees.
    """
    if sys.platform != "linux":
        return None
    asked, ask = os.pipe()
    told, tell = os.pipe()
    try:
        pid = os.fork()
    except OSError:  # whoever needs a process tells it
        for descriptor in (asked, ask, told, tell):
            os.close(descriptor)
        return None
    if not pid:
        _serve(asked, tell, (ask, told))
    os.close(asked)
    os.close(tell)
    return Forked(pid, os.fdopen(ask, "wb"), os.fdopen(told, "rb", buffering=0))


def _serve(source: int, target: int, others: tuple[int, int]) -> NoReturn:
    """Become the process that reads. Whatever happens, nothing of the run's own code goes on."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        for descriptor in others:
            os.close(descriptor)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for wanted, given in enumerate((source, target, nowhere)):
            os.dup2(given, wanted)
        os.chdir("/")

        from astro_ci.checks.static.worker import main

        main()
        os._exit(0)
    finally:
        os._exit(1)
