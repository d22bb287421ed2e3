"""Files that nobody wrote in good faith: they become findings, and never end the run."""

from __future__ import annotations

import os
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from astro_ci.checks.static import process
from astro_ci.checks.static.check import StaticCheck, _look
from astro_ci.checks.static.process import Died, Reader
from astro_ci.checks.static.request import Answer, Problem, Request
from astro_ci.checks.static.source import read_source
from astro_ci.checks.static.syntax import OURS
from astro_ci.checks.static.worker import look
from tests.unit.checks.static.support import DAG, StaticProject, told

DEEP = {
    "parentheses": "(" * 100_000,
    "minuses": "-" * 1_000_000 + "1",
    "attributes": "a" + ".a" * 300_000,
    "sums": "1" + "+1" * 300_000,
    "nots": "not " * 300_000 + "1",
    "lambdas": "lambda: " * 100_000 + "1",
    "calls": "a" + "()" * 200_000,
    "conditions": "1" + " if 1 else 1" * 100_000,
    "powers": "2" + "**2" * 100_000,
    "branches": "if 1: pass\n" + "elif 1: pass\n" * 50_000,
    "classes": "".join(f"{' ' * depth}class A:\n" for depth in range(200)),
}


@pytest.mark.parametrize("source", [pytest.param(text, id=name) for name, text in DEEP.items()])
def test_deep_nesting(tmp_path: Path, source: str) -> None:
    files: dict[str, str | bytes] = {"dags/a.py": f"{DAG}{source}\n", "dags/b.py": DAG + "x = ("}
    found = told(StaticProject(tmp_path).write(files).check(python=OURS))
    assert len(found) == 2
    assert all(" error dag-" in line for line in found)
    assert "dags/b.py:2:5 error dag-syntax" in found


def test_a_limit_of_our_python_is_no_error_for_another(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": f"{DAG}{DEEP['minuses']}\n"})
    checked = project.check(python=(OURS[0], OURS[1] + 1)).checked
    assert [(f.rule, f.severity) for f in checked.findings] == [("dag-too-complex", "warning")]


def test_pipes_links_and_directories(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text(DAG + "x = (\n")
    project = StaticProject(tmp_path / "repository").write({"dags/a.py": DAG})
    dags = project.root / "dags"
    os.mkfifo(dags / "pipe.py")
    (dags / "directory.py").mkdir()
    (dags / "self").symlink_to(".")
    (dags / "out.py").symlink_to(outside / "secret.py")
    (dags / "out").symlink_to(outside)
    (dags / "device.py").symlink_to("/dev/zero")
    (dags / "loop.py").symlink_to("loop.py")
    static = project.check()
    # As Airflow: each directory that it reaches by a second way.
    twice = ("directory.py", "self")
    assert told(static) == [f"dags/self/{name} error dag-link-loop" for name in twice]
    assert static.parsed == ("a.py", "self/a.py")
    assert len([line for line in static.checked.not_checked if "out of the repository" in line]) > 1


def test_a_path_that_the_system_refuses() -> None:
    found = read_source("/" + "x" * 300)
    assert isinstance(found, Problem)
    assert found.rule == "dag-unreadable"
    assert "File name too long" in found.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": DAG, "dags/b/c.py": DAG})
    (project.root / "dags" / "a.py").chmod(0)
    (project.root / "dags" / "b").chmod(0)
    found = told(project.check())
    (project.root / "dags" / "b").chmod(0o700)
    assert found == ["dags/a.py error dag-unreadable", "dags/b error dag-unreadable"]


def test_100_mb(tmp_path: Path) -> None:
    project = StaticProject(tmp_path)
    with (project.root / "dags" / "a.py").open("wb") as file:
        file.truncate(100 << 20)
    assert told(project.check()) == ["dags/a.py error dag-too-large"]


@pytest.mark.parametrize(
    ("pattern", "airflow"), [("(a|a)*$", (3, 1)), ("(a*)*b", (2, 11)), ("*a" * 20 + "b", (3, 3))]
)
def test_patterns_that_take_for_ever(
    tmp_path: Path, pattern: str, airflow: tuple[int, int]
) -> None:
    files: dict[str, str | bytes] = {
        "dags/.airflowignore": pattern + "\n", f"dags/{'a' * 200}.py": DAG, "dags/x.py": DAG + "x ="
    }  # fmt: skip
    started = time.monotonic()
    static = StaticProject(tmp_path).write(files).check(airflow=airflow)
    assert "dags/x.py:2:4 error dag-syntax" in told(static)
    assert time.monotonic() - started < 60


def test_nothing_of_the_checkout_is_imported(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    names = ["json", "ast", "site", "sitecustomize", "pathspec", "astro_ci", "re", "encodings"]
    files: dict[str, str | bytes] = {f"dags/{name}.py": DAG + trap for name in names}
    files |= {f"{name}.py": trap for name in names}
    files["dags/.airflowignore"] = "nothing\n"
    files["dags/bad.py"] = "# coding: evil airflow dag\n"
    files["encodings/evil.py"] = trap
    project = StaticProject(tmp_path / "p").write(files)
    assert told(project.check()) == ["dags/bad.py error dag-encoding"]
    assert not (tmp_path / "sprung").exists()


class Script:
    """Stands in for the process: ends over the files named `bad*`, as a crash would."""

    def __init__(self, bad: list[str]) -> None:
        self.bad = bad

    def __call__(self, request: Request) -> Answer | Died:
        left = [path for path in self.bad if path not in request.excluded]
        if left:
            return Died(reason="it ended Python", path=left[0] if request.is_careful else "")
        return Answer(files=1)


def request() -> Request:
    return Request(root="/r", dags="/r/dags", repository="/r")


def test_files_that_end_the_process_are_found_one_by_one() -> None:
    answer = _look(request(), Script(["/r/dags/a.py", "/r/include/b.py"]))
    assert isinstance(answer, Answer)
    assert [(p.name, p.rule, p.severity) for p in answer.problems] == [
        ("dags/a.py", "dag-too-complex", "error"),
        ("include/b.py", "dag-too-complex", "error"),
    ]


def test_there_is_an_end_to_it() -> None:
    answer = _look(request(), Script([f"/r/dags/{number}.py" for number in range(100)]))
    assert isinstance(answer, Died)
    assert "more than 5 files" in answer.reason


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda code: monkeypatch.setattr(process, "_BOOT", code)


def test_a_process_that_crashes(boot: Callable[[str], None]) -> None:
    boot("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    found = Reader().ask(request())
    assert found == Died(reason="it ended Python with SIGSEGV")
    boot("raise SystemExit(3)")
    assert Reader().ask(request()) == Died(reason="it ended Python with exit code 3")


def test_a_check_that_cannot_be_made_has_not_passed(
    boot: Callable[[str], None], tmp_path: Path
) -> None:
    boot("raise SystemExit(3)")
    project = StaticProject(tmp_path).write({"dags/a.py": DAG + "x = " + "[" * 20 + "]" * 20})
    static = project.check()
    assert static.checked.status == "impossible"
    assert "exit code 3" in static.checked.not_checked[0]


def test_a_process_that_hangs(boot: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "STALL_SECONDS", 0.5)
    boot("import os, time; os.write(1, b'@ \"/r/dags/a.py\"\\n'); time.sleep(600)")
    found = Reader().ask(request()._replace(is_careful=True))
    assert found == Died(reason="it took more than 0 s", path="/r/dags/a.py")


def test_a_process_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    reader = Reader()
    reader.prepare()
    asked = request()._replace(root=str(tmp_path))
    with StaticCheck(asked, lambda: None, reader) as check:
        checked = check.result().checked
    assert checked.status == "impossible"
    assert checked.not_checked[0].endswith("no process could be started: No such file or directory")


def test_a_zip_file_is_named_before_it_is_opened(tmp_path: Path) -> None:
    project = StaticProject(tmp_path).write({"dags/a.py": DAG})
    with zipfile.ZipFile(tmp_path / "dags" / "b.zip", "w") as archive:
        archive.writestr("c.py", DAG + "x = (\n")
    seen: list[str] = []
    asked = Request(root=str(tmp_path), dags=f"{tmp_path}/dags", repository=str(project.repository))
    answer = look(asked, seen.append)
    assert seen[-2:] == [f"{tmp_path}/dags/b.zip"] * 2
    assert [problem.name for problem in answer.problems] == ["dags/b.zip"]


def test_files_that_take_too_long_together(
    boot: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_TOTAL_SECONDS", 1.0)
    boot("import os, time\nwhile True: os.write(1, b'.\\n'); time.sleep(0.05)")
    found = _look(request(), Reader().ask)
    assert found == Died(reason="all files together take more than 1 s", is_final=True)


def test_a_process_that_was_started_ahead_is_asked(boot: Callable[[str], None]) -> None:
    reader = Reader()
    boot("raise SystemExit(3)")
    reader.prepare()
    boot("raise SystemExit(4)")
    assert reader.ask(request()) == Died(reason="it ended Python with exit code 3")
    assert reader.ask(request()) == Died(reason="it ended Python with exit code 4")
    reader.prepare()
    reader.stop()
    assert reader.ask(request()) == Died(reason="it was stopped", is_final=True)


def test_leaving_ends_the_process(boot: Callable[[str], None], tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    boot(f"import os, time; open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(600)")
    asked = request()._replace(root=str(tmp_path))
    before = set(threading.enumerate())
    with StaticCheck(asked, lambda: None):
        while not marker.exists() or not marker.read_text():
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)
    assert set(threading.enumerate()) <= before
