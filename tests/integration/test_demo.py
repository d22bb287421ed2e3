"""The demo is what a newcomer sees first: it runs, and says what it left out."""

from __future__ import annotations

import compileall
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import astro_ci

DEAD = "unix:///nonexistent/docker.sock"
PACKAGE = Path(astro_ci.__file__).parent


def run_demo(tmp_path: Path, *arguments: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", "demo", *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path), **env},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(output: str) -> list[str]:
    """The lines of the table that start with a commit."""
    table = output.partition("now runs")[2]
    return [line for line in table.splitlines() if line[:7].isalnum()]


def outcomes(output: str) -> list[str]:
    """The outcomes in the table, each in one line, with its duration replaced."""
    table = output.partition("now runs")[2].splitlines()[2:]
    found: list[str] = []
    for line in itertools.takewhile(str.strip, table):
        cell = line[45:62].strip()
        if line[:7].isalnum():
            found.append(cell)
        elif cell:
            found[-1] += f" {cell}"
    return [re.sub(r"[\d.]+ s", "SECONDS", one) for one in found]


def test_without_docker_the_image_steps_are_left_out(tmp_path: Path) -> None:
    output = run_demo(tmp_path, DOCKER_HOST=DEAD)
    assert "no Docker Engine answers" in output
    plans = [row.split("image-and-dags")[0] != row for row in rows(output)]
    assert plans == [True, False, False, False, True, True, True]
    assert [("left out" in row) for row in rows(output)] == plans
    assert output.count("-> deployed") == 1
    assert output.count("-> skipped") == 1
    assert "the static check found 1 error: dags/orders.py:" in output
    assert output.count("-> refused, as expected") == 1
    assert outcomes(output)[1:4] == [
        "deployed in SECONDS",
        "refused in SECONDS, as expected",
        "skipped in SECONDS",
    ]
    assert outcomes(output)[-1] == "left out: no Docker Engine"
    assert list(tmp_path.iterdir()) == [], "everything is cleaned up"


def test_it_runs_where_pip_has_installed_it(tmp_path: Path) -> None:
    """The example comes with the package there, and pip compiles the example's DAGs as well."""
    installed, work = tmp_path / "site" / "astro_ci", tmp_path / "work"
    shutil.copytree(PACKAGE, installed, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "examples" / "astro-project", installed / "example_project")
    assert compileall.compile_dir(installed / "example_project", quiet=1)
    assert any((installed / "example_project" / "dags").rglob("*.pyc"))
    work.mkdir()
    output = run_demo(work, DOCKER_HOST=DEAD, PYTHONPATH=str(installed.parent))
    assert output.count("-> deployed") == 1
    assert "byte for byte" in output


def test_the_project_can_be_kept(tmp_path: Path) -> None:
    output = run_demo(tmp_path, "--keep", DOCKER_HOST=DEAD)
    (kept,) = tmp_path.iterdir()
    assert f"The project stays in {kept}." in output
    assert (kept / "astro-project" / "dags" / "orders.py").is_file()


@pytest.mark.docker
def test_with_docker_everything_runs(tmp_path: Path) -> None:
    def images() -> set[str]:
        listed = subprocess.run(
            ["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"],
            capture_output=True,
            text=True,
            check=True,
        )
        return {name for name in listed.stdout.split() if "demo" in name}

    output = run_demo(tmp_path)
    assert "left out: no Docker Engine" not in output
    assert "left out here (--no-parse)" in output
    assert output.count("-> refused, as expected") == 1
    assert output.count("-> deployed") == 4
    assert "-> failed, as expected" in output
    assert "failed in SECONDS, as expected" in outcomes(output)
    assert "Everything that runs is, byte for byte, what was checked out." in output
    assert images() == set()
    assert list(tmp_path.iterdir()) == []
