"""A checkout may hold modules with any name, and none of them runs.

`python -m` looks into the working directory before our first line does anything about it. What
Python itself loads until then is its own affair; `astro-ci` and `python -P -m` load nothing there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(sys.executable).with_name("astro-ci")
SAFE = {"script": [str(SCRIPT)], "-P": [sys.executable, "-P", "-m", "astro_ci"]}
PLAIN = [sys.executable, "-m", "astro_ci"]
VERBS = (["--version"], ["env"], ["plan", "--help"], ["config"])
OURS = ("click", "requests", "yaml", "msgspec", "isal", "docker", "tenacity", "urllib3")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A directory where every module there is leaves its name when it is loaded."""
    for name in (*sys.stdlib_module_names, *OURS):
        (tmp_path / f"{name}.py").write_text(
            f"import builtins\nbuiltins.open({str(tmp_path / 'loaded')!r}, 'a').write('{name} ')\n"
            "raise ImportError('loaded from the checkout')\n"
        )
    return tmp_path


def loaded(hostile: Path, command: list[str]) -> set[str]:
    """Run a command there; the modules of the checkout that it loaded."""
    subprocess.run(command, cwd=hostile, capture_output=True)
    file = hostile / "loaded"
    found = set(file.read_text().split()) if file.exists() else set()
    file.unlink(missing_ok=True)
    return found


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("start", SAFE.values(), ids=SAFE)
def test_what_we_document_loads_nothing(hostile: Path, start: list[str], verb: list[str]) -> None:
    assert loaded(hostile, [*start, *verb]) == set()
    assert subprocess.run([*start, "--version"], cwd=hostile, capture_output=True).returncode == 0


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_the_plain_form_loads_what_python_itself_does(hostile: Path, verb: list[str]) -> None:
    """One file at a time: the first that Python loads would hide the others."""
    empty = hostile / "empty.py"
    empty.write_text("")
    while of_python := loaded(hostile, [sys.executable, "-m", "empty"]):
        for name in of_python:
            (hostile / f"{name}.py").unlink()
    assert loaded(hostile, [*PLAIN, *verb]) == set()
    done = subprocess.run([*PLAIN, *verb], cwd=hostile, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
