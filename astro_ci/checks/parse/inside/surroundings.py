"""Restore the state of the process between DAG files that one process loads in turn."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from typing import Any, Callable

_SIGNALS = ("SIGALRM", "SIGCHLD", "SIGHUP", "SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")


class Surroundings:
    """The state of the process before a file is loaded.

    Airflow loads each file in a process of its own, where a file sees neither the import path nor
    the modules of another file. For example, two directories may each hold a `common.py`.
    """

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project
        self._path = list(sys.path)
        self._argv = list(sys.argv)
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._modules = set(sys.modules)
        self._directory = os.getcwd()
        self._environ = dict(os.environ)
        numbers = [getattr(signal, name) for name in _SIGNALS]
        self._handlers = {number: signal.getsignal(number) for number in numbers}

    def restore(self) -> None:
        """Restore the state, and remove the project's modules that were imported since."""
        sys.path[:] = self._path
        sys.argv[:] = self._argv
        sys.stdin, sys.stdout, sys.stderr = self._streams
        with suppress(OSError):
            os.chdir(self._directory)
        if dict(os.environ) != self._environ:
            os.environ.clear()
            os.environ.update(self._environ)
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is not handler and handler is not None:
                signal.signal(number, handler)
        for name in [*sys.modules]:
            if name not in self._modules and self._is_ours(sys.modules[name]):
                del sys.modules[name]

    def _is_ours(self, module: Any) -> bool:
        """Whether a module, or a package without a file of its own, lies in the project."""
        places = [getattr(module, "__file__", None)]
        with suppress(Exception):  # a namespace package's path needs its parent package
            places += list(getattr(module, "__path__", ()))
        return any(isinstance(place, str) and self._is_project(place) for place in places)
