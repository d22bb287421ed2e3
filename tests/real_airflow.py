"""Asks a real Airflow, in an environment of its own, which files it would parse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from types import TracebackType

SCRIPT = """
import json, logging, sys
logging.disable(logging.CRITICAL)
answers, sys.stdout = sys.stdout, sys.stderr
from airflow.utils.file import find_dag_file_paths
for line in sys.stdin:
    directory = json.loads(line)
    try:
        found = sorted(path[len(directory) + 1 :] for path in find_dag_file_paths(directory, True))
    except Exception as error:
        found = type(error).__name__
    print(json.dumps(found), file=answers, flush=True)
"""


class RealAirflow:
    """One process, which is asked over and over: importing Airflow takes seconds."""

    def __init__(self, python: Path, home: Path, *, ignore_syntax: str = "") -> None:
        env = {"AIRFLOW_HOME": str(home), "HOME": str(home), "PATH": "/usr/bin:/bin"}
        if ignore_syntax:
            env["AIRFLOW__CORE__DAG_IGNORE_FILE_SYNTAX"] = ignore_syntax
        self._process = subprocess.Popen(
            [str(python), "-W", "ignore", "-c", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=env,
        )

    def __enter__(self) -> RealAirflow:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def dag_files(self, directory: Path) -> list[str] | str:
        """The files that Airflow would parse, relative to the directory; or how it failed."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps(str(directory))}\n")
        self._process.stdin.flush()
        found: list[str] | str = json.loads(self._process.stdout.readline())
        return found
