"""The process that reads the files, as a copy of the one that asks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from astro_ci.checks.static.request import Request
from tests.unit.checks.static.support import DAG, StaticProject

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="copies are made on Linux alone")

# The tests' own process has threads; the command line has none of Python's when it makes the copy.
HEAD = """
import json, os, signal, sys, time
from astro_ci.checks.static.forked import fork
copy = fork()
from astro_ci.checks.static.check import StaticCheck
from astro_ci.checks.static.process import Reader
from astro_ci.checks.static.request import Request
request = Request.from_json(json.loads(sys.argv[1]))
"""
ANSWERS = """
reader = Reader(copy)
first = reader.ask(request)
assert copy.wait() == -signal.SIGKILL or copy.wait() == 0
second = reader.ask(request)
print(json.dumps([first.as_json(), second.as_json()]))
"""
FINDINGS = """
with StaticCheck(request, lambda: None, Reader(copy)) as check:
    checked = check.result().checked
print(json.dumps([checked.status, [[f.path, f.rule] for f in checked.findings]]))
"""
DEAD = """
os.kill(copy.pid, signal.SIGKILL)
print(json.dumps(Reader(copy).ask(request).reason))
"""
UNUSED = """
copy.end()
copy.end()
print(json.dumps(os.path.exists(f"/proc/{copy.pid}")))
"""
ABANDONED = """
print(json.dumps(copy.pid), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def run(then: str, project: StaticProject) -> Any:
    request = Request(
        root=str(project.root), dags=f"{project.root}/dags", repository=str(project.repository)
    )
    done = subprocess.run(
        [sys.executable, "-c", HEAD + then, json.dumps(request.as_json())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert not done.stderr
    return json.loads(done.stdout)


def test_it_answers_as_a_process_that_is_started_anew(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"dags/a.py": DAG, "dags/b.py": DAG + "x = (\n"}
    first, second = run(ANSWERS, StaticProject(tmp_path).write(files))
    assert first == second
    assert [problem["rule"] for problem in first["problems"]] == ["dag-syntax"]


def test_a_file_that_cannot_be_compiled_is_named(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "dags/a.py": DAG + f"x = {'(' * 150}{'-' * 900_000}1{')' * 150}\n",
        "dags/b.py": DAG,
    }
    status, findings = run(FINDINGS, StaticProject(tmp_path).write(files))
    assert (status, findings) == ("failed", [["dags/a.py", "dag-too-complex"]])


def test_one_that_died_is_told(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": DAG})
    assert run(DEAD, project) == "it ended Python with SIGKILL"


def test_one_that_nobody_asks_ends(tmp_path: Path) -> None:
    assert run(UNUSED, StaticProject(tmp_path)) is False


def test_it_does_not_outlive_who_asks(tmp_path: Path) -> None:
    pid = run(ABANDONED, StaticProject(tmp_path))
    deadline = time.monotonic() + 30
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
