"""Load DAG files in this process, and write each file's outcome to the journal."""

from __future__ import annotations

import faulthandler
import os
import signal
import time
import traceback
from contextlib import suppress
from typing import Any, Callable, Sequence

from . import airflow_api
from .journal import Journal
from .standins import StandIns
from .surroundings import Surroundings

GRACE_SECONDS = 5.0
"""The time after Airflow's time limit at which the process of a file is killed."""
KILLED_PARENT = "killed-parent"
_WITHOUT_LIMIT_SECONDS = 50.0  # the default timeout of Airflow's DAG processor
_LONGEST = 20_000

# Bound at import, because a DAG file may replace functions of these modules.
_getpid, _getppid, _exit, _monotonic = os.getpid, os.getppid, os._exit, time.monotonic


class Loader:
    """Loads files one after the other, in a process that does nothing else."""

    def __init__(
        self, journal: Journal, dags: str, is_project: Callable[[str], bool], attempt: str
    ) -> None:
        self._journal, self._dags, self._attempt = journal, dags, attempt
        self._is_project = is_project
        self._stand_ins = StandIns(is_project)
        self._forks: list[None] = []
        self._pid, self._parent = _getpid(), _getppid()

    def run(self, paths: Sequence[str], stack: str) -> None:
        """Load the files. A crash or an endless loop writes its traceback to the file `stack`."""
        _keep_crashes_deadly()
        self._stand_ins.install()
        self._journal.write("plugins", errors=_cut(airflow_api.load_plugins()))
        airflow_api.block_database()
        os.register_at_fork(after_in_parent=lambda: self._forks.append(None))
        for path in paths:
            self._load(path, stack)

    def _load(self, path: str, stack: str) -> None:
        limit = _limit(path)
        known = {"path": path, "attempt": self._attempt, "limit": limit}
        self._journal.write("start", pid=self._pid, **known)
        # Opened for each DAG file, because the previous DAG file may have closed all descriptors.
        descriptor = os.open(stack, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        faulthandler.enable(descriptor)
        faulthandler.dump_traceback_later(limit + GRACE_SECONDS / 2, file=descriptor)
        before = Surroundings(self._is_project)
        self._stand_ins.reset(generous=self._attempt == "generous")
        self._forks.clear()
        started = _monotonic()
        try:
            loaded = airflow_api.load(path, self._dags)
        except BaseException:
            # sys.exit, an interrupt, or an error that Airflow raises about the file.
            loaded = airflow_api.Loaded([], {path: traceback.format_exc()})
        if _getpid() != self._pid:
            _exit(0)  # the DAG file forked this process, and the copy must load no more files
        if _getppid() != self._parent:
            self._journal.write("crash", how=KILLED_PARENT, stack="", **known)
            _exit(1)
        faulthandler.cancel_dump_traceback_later()
        signal.setitimer(signal.ITIMER_REAL, 0)
        with suppress(OSError):
            os.close(descriptor)
        self._journal.write(
            "done",
            **known,
            seconds=round(_monotonic() - started, 3),
            dag_ids=loaded.dag_ids,
            errors=_cut(loaded.errors),
            uses=self._stand_ins.uses,
            forks=len(self._forks),
        )
        before.restore()


def _limit(path: str) -> float:
    try:
        limit = airflow_api.time_limit(path)
    except Exception:
        return _WITHOUT_LIMIT_SECONDS  # the load reports this error for the file
    return limit if limit > 0 else _WITHOUT_LIMIT_SECONDS


def _cut(errors: dict[str, str]) -> dict[str, str]:
    """Keep the ends of long texts, because a traceback ends with the error."""
    return {path: text[-_LONGEST:] for path, text in errors.items()}


def _keep_crashes_deadly() -> None:
    """Block Airflow's handler for SIGSEGV, which turns a crash into an endless loop."""
    original: Any = signal.signal

    def guarded(number: Any, handler: Any) -> Any:
        return None if number == signal.SIGSEGV else original(number, handler)

    setattr(signal, "signal", guarded)  # noqa: B010 - mypy rejects the assignment
