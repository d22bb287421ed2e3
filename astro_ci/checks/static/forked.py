"""Fork a process that reads the files, before the files to read are known.

A new Python takes 30 ms to start and to import modules; a forked process skips these steps. Only
the command line forks, before it starts any thread: a lock that another thread holds would stay
locked in the forked process for ever.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import BinaryIO, NoReturn

_OF_BOTH = ("json", "astro_ci.text", "astro_ci.checks.static.request", "astro_ci.project.leftovers")
"""Modules that this process and the copy both use, so that one import serves both."""


class Forked:
    """The forked process, with the part of the `subprocess.Popen` interface that `Reader` needs."""

    def __init__(self, pid: int, stdin: BinaryIO, stdout: BinaryIO) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self._code: int | None = None
        self._lock = threading.Lock()

    def wait(self) -> int:
        """Wait until the process ends; return its exit code, negative for a signal."""
        with self._lock:
            if self._code is None:
                _, status = os.waitpid(self.pid, 0)
                self._code = os.waitstatus_to_exitcode(status)
            return self._code

    def end(self) -> None:
        """Kill the process and the processes that it started."""
        with self._lock:
            if self._code is None:  # no other process can get this pid before wait()
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)  # when its group does not exist yet
        self.wait()
        for stream in (self.stdin, self.stdout):
            with suppress(BrokenPipeError):
                stream.close()


def fork() -> Forked | None:
    """Fork the process; return None where a fork is not safe, or when it fails.

    A fork is not safe on macOS, whose system libraries may have started threads.
    """
    if sys.platform != "linux":
        return None
    for name in _OF_BOTH:
        importlib.import_module(name)
    asked, ask = os.pipe()
    told, tell = os.pipe()
    try:
        pid = os.fork()
    except OSError:  # `Reader.ask` starts another process, and reports its errors
        for descriptor in (asked, ask, told, tell):
            os.close(descriptor)
        return None
    if not pid:
        _serve(asked, tell, (ask, told))
    os.close(asked)
    os.close(tell)
    return Forked(pid, os.fdopen(ask, "wb"), os.fdopen(told, "rb", buffering=0))


def _serve(source: int, target: int, others: tuple[int, int]) -> NoReturn:
    """Run `worker.main` in the forked process, then exit, so that the caller's code never runs."""
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
