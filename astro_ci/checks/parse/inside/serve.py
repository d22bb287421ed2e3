"""Import Airflow once, and load the DAG files in copies of this process.

There are three attempts. `together`: one process loads all files; after a crash another process
loads the rest. `alone`: a file that failed is loaded again in a process of its own, as Airflow
does. `generous`: a file that failed with a made-up value is loaded with `Generous` values.

A server that starts after another server was killed continues from the journal.
"""

from __future__ import annotations

import faulthandler
import json
import os
import platform
import signal
import sys
import time
import traceback
from typing import Any, Sequence

from . import airflow_api
from .journal import Event, Journal
from .load import GRACE_SECONDS, KILLED_PARENT, Loader
from .processes import end_with, ending, kill, silence

_TICK_SECONDS = 0.02
_IMPORT_SECONDS = 300.0
_SET_UP_SECONDS = 120.0
_DATABASE_SECONDS = 600.0
_NO_TIME = "timeout"


def main(work: str) -> int:
    """Load the files that `request.json` asks for, and write the outcomes to `journal`.

    The journal's last event is `end`. A DAG file may kill the server. This process then starts
    another server, which continues with the next file. In a container, where this process is
    number 1, a DAG file cannot kill this process.
    """
    journal = Journal(os.path.join(work, "journal"))
    while True:
        before = journal.size()
        child = os.fork()
        if child == 0:
            try:
                _serve(work, journal)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        since = [event["event"] for event in journal.read(before)]
        if "end" in since:
            return 0
        if "start" not in since:
            how = ending(status) or "it exited"
            journal.write("failed", message="while Airflow started, " + how, traceback="")
            return 1


def _serve(work: str, journal: Journal) -> None:
    try:
        with open(os.path.join(work, "request.json"), encoding="utf-8") as file:
            server = Server(json.load(file), work, journal)
        server.start()
        server.load_all()
    except BaseException as error:
        text = f"{type(error).__name__}: {error}"
        journal.write("failed", message=text[:2000], traceback=traceback.format_exc()[-20_000:])
    journal.write("end")


class Server:
    """A process that has imported Airflow; its forked copies run the DAG files."""

    def __init__(self, request: dict[str, Any], work: str, journal: Journal) -> None:
        self._request, self._work, self._journal = request, work, journal
        self._dags: str = request["trees"]["dags"]
        self._project: str = request["project"]
        self._files: list[str] = []

    def start(self) -> None:
        """Import Airflow, and list the files to load."""
        faulthandler.dump_traceback_later(_IMPORT_SECONDS, exit=True)
        version = airflow_api.version()
        self._journal.write("airflow", version=version, python=platform.python_version())
        if version is None:
            raise ModuleNotFoundError("No module named 'airflow'")
        seconds = self._request.get("seconds")
        airflow_api.configure(os.environ, dags=self._dags, work=self._work, seconds=seconds)
        if self._request["in_place"]:
            self._imitate_image()
        airflow_api.initialize(self._dags)
        ships = {os.path.join(self._dags, name) for name in self._request["ships"]}
        # In a checkout the targets of these links exist; on Astro the targets will not exist.
        outside = self._request["outside"] if self._request["in_place"] else []
        broken = {os.path.join(self._dags, name) for name in outside}
        broken |= {path for path in ships if not os.path.exists(path)}
        self._files = sorted(
            path for path in airflow_api.list_files(self._dags) if path in ships - broken
        )
        self._journal.write(
            "files",
            paths=self._files,
            unreadable=sorted(p for p in ships if os.path.isfile(p) and not os.access(p, os.R_OK)),
            dangling=sorted(broken),
        )
        faulthandler.cancel_dump_traceback_later()

    def _imitate_image(self) -> None:
        """Set the import path and the plugins folder as the image does, for a checkout."""
        sys.dont_write_bytecode = True
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = os.path.join(self._project, "plugins")
        if self._project not in sys.path:
            sys.path.insert(0, self._project)
        config = os.path.join(self._project, "config")
        if os.path.isdir(config):
            sys.path.append(config)

    def load_all(self) -> None:
        """Make every attempt that the journal does not have yet."""
        self._tell_interrupted()
        while True:
            outcomes = _outcomes(self._journal.read())
            pending = [path for path in self._files if (path, "together") not in outcomes]
            if not pending:
                break
            self._fork(pending, "together")
        for path in self._files:
            self._try_again(path, outcomes)

    def _try_again(self, path: str, outcomes: dict[tuple[str, str], Event]) -> None:
        if not _is_failed(outcomes[path, "together"]):
            return
        if airflow_api.needs_database(outcomes[path, "together"].get("errors", {})):
            self._make_database()
        if (path, "alone") not in outcomes:
            self._fork([path], "alone")
        alone = _outcomes(self._journal.read())[path, "alone"]
        is_made_up = any(use["made_up"] for use in alone.get("uses", ()))
        if _is_failed(alone) and is_made_up and (path, "generous") not in outcomes:
            self._fork([path], "generous")

    def _make_database(self) -> None:
        """Create Airflow's database when a DAG file needs a table; creating it takes seconds.

        When the database cannot be created, the DAG file fails. Raises RuntimeError when the time
        runs out.
        """
        if os.path.exists(os.path.join(self._work, "has-database")):
            return
        before = self._journal.size()
        child = os.fork()
        if child == 0:
            try:
                os.setsid()
                silence()
                airflow_api.make_database()
            finally:
                os._exit(0)
        end_with(child)
        if self._wait(child, before, _DATABASE_SECONDS) == _NO_TIME:
            raise RuntimeError(f"its database was not made within {_DATABASE_SECONDS:.0f} seconds")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        open(os.path.join(self._work, "has-database"), "w").close()

    def _tell_interrupted(self) -> None:
        """Write a crash for the file that was being loaded when the previous server was killed."""
        starts = [event for event in self._journal.read() if event["event"] == "start"]
        if not starts:
            return
        kill(starts[-1]["pid"])  # the previous server can no longer wait for this process group
        if (starts[-1]["path"], starts[-1]["attempt"]) not in _outcomes(self._journal.read()):
            self._crash(starts[-1], KILLED_PARENT, "")

    def _fork(self, paths: Sequence[str], attempt: str) -> None:
        """Load files in a copy of this process, and write a crash to the journal."""
        stack_path = os.path.join(self._work, "stack")
        before = self._journal.size()
        child = os.fork()
        if child == 0:
            self._in_child(paths, attempt, stack_path)
        end_with(child)
        how = self._wait(child, before)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        events = self._journal.read(before)
        last = next((event for event in reversed(events) if event["event"] != "plugins"), {})
        if last.get("event") == "start":
            with open(stack_path, encoding="utf-8", errors="replace") as file:
                self._crash(last, how or "it ended the process", file.read()[-20_000:])
        elif how or not any(event["event"] == "start" for event in events):
            raise RuntimeError("Airflow's plugins ended the process: {}".format(how or "it exited"))

    def _in_child(self, paths: Sequence[str], attempt: str, stack_path: str) -> None:
        try:
            os.setsid()
            silence()
            Loader(self._journal, self._dags, self._is_project, attempt).run(paths, stack_path)
            os._exit(0)
        except BaseException:
            self._journal.write("failed", message="", traceback=traceback.format_exc()[-20_000:])
        finally:
            os._exit(1)

    def _wait(self, child: int, size: int, limit: float = _SET_UP_SECONDS) -> str:
        """Wait for the child, and kill it when it hangs; return how it ended, "" for success.

        `size` is the journal's length in bytes before the child started. The child hangs when the
        journal does not grow for `limit` seconds.
        """
        since = time.monotonic()
        while True:
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                kill(child)  # end processes that a DAG file has started
                return ending(status)
            if self._journal.size() != size:
                last = (self._journal.read(size) or [{}])[-1]
                size, since = self._journal.size(), time.monotonic()
                limit = last.get("limit", _SET_UP_SECONDS) + GRACE_SECONDS
            if time.monotonic() - since > limit:
                kill(child)
                os.waitpid(child, 0)
                return _NO_TIME
            time.sleep(_TICK_SECONDS)

    def _crash(self, start: Event, how: str, stack: str) -> None:
        values = {name: start[name] for name in ("path", "attempt", "limit")}
        self._journal.write("crash", how=how, stack=stack, **values)

    def _is_project(self, path: str) -> bool:
        """Whether a file is the project's own, and not of a package installed in the project."""
        return path.startswith(self._project + os.sep) and "site-packages" not in path


def _outcomes(events: Sequence[Event]) -> dict[tuple[str, str], Event]:
    ended = [event for event in events if event["event"] in ("done", "crash")]
    return {(event["path"], event["attempt"]): event for event in ended}


def _is_failed(outcome: Event) -> bool:
    """Whether a file failed and another attempt may succeed; false after a timeout."""
    if outcome["event"] == "crash":
        return outcome["how"] not in (_NO_TIME, KILLED_PARENT)
    return bool(outcome["errors"]) and bool(outcome["seconds"] < outcome["limit"])
