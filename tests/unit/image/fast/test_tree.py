"""What a build's context held at a commit."""

from __future__ import annotations

import pytest

from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.fast.tree import GitFile, context_tree, names_below
from astro_ci.project.context import left_out
from astro_ci.project.dockerignore import DockerIgnore

LINES = [
    "100644 1111 0\tREADME.md",
    "100644 2222 0\tetl/Dockerfile",
    "100755 3333 0\tetl/dags/__pycache__/x.py",
    "100644 4444 0\tetl/dags/a.py",
    "100644 4445 0\tetl/dags/venv/lib.py",
    "100644 4446 0\tetl/dags/venv/pyvenv.cfg",
    "100755 5555 0\tetl/include/run",
    "120000 6666 0\tetl/include/link",
    "100644 7777 0\tetl/logs/x",
    "100644 8888 0\tetl/logs/kept",
    "160000 9999 0\tlibs/other",
]
IGNORE = DockerIgnore.parse("logs\n!logs/kept\n")


def test_without_the_dags() -> None:
    leave_out = left_out(["dags"], dags_ship=False, is_venv=lambda name: False)
    assert context_tree(LINES, "etl", ignore=IGNORE, leave_out=leave_out) == {
        "Dockerfile": GitFile("file", "2222"),
        "include/run": GitFile("program", "5555"),
        "include/link": GitFile("link", "6666"),
        "logs/kept": GitFile("file", "8888"),
    }


def test_with_the_dags_but_not_their_leftovers() -> None:
    names = names_below(LINES, "etl")
    assert "include/run" in names
    assert "README.md" not in names
    leave_out = left_out(
        ["dags"], dags_ship=True, is_venv=lambda name: f"dags/{name}/pyvenv.cfg" in names
    )
    found = context_tree(LINES, "etl", ignore=IGNORE, leave_out=leave_out)
    assert [path for path in found if path.startswith("dags/")] == ["dags/a.py"]


def test_a_submodule_is_not_listed_by_git() -> None:
    with pytest.raises(NotFastError, match="libs/other is a submodule"):
        context_tree(LINES, "", ignore=IGNORE, leave_out=lambda path: False)
    ignored = DockerIgnore.parse("libs\n")
    assert context_tree(LINES, "", ignore=ignored, leave_out=lambda path: False)
