"""The Astro projects that `init` finds below a directory."""

from __future__ import annotations

from pathlib import Path

from astro_ci.pipelines.projects import find_projects

RUNTIME = "FROM astrocrpublic.azurecr.io/runtime:3.1-2\n"


def make(root: Path, *names: str, dockerfile: str = RUNTIME) -> None:
    for name in names:
        path = root / name
        path.mkdir(parents=True)
        (path / "dags").mkdir()
        (path / "Dockerfile").write_text(dockerfile)


def test_in_directories(tmp_path: Path) -> None:
    make(tmp_path, "b", "a/deep/one", "🎉 x")
    assert find_projects(tmp_path) == ["a/deep/one", "b", "🎉 x"]


def test_the_root_is_the_only_one(tmp_path: Path) -> None:
    make(tmp_path, "project", "project/examples/other")
    assert find_projects(tmp_path / "project") == [""]


def test_what_is_not_searched(tmp_path: Path) -> None:
    make(tmp_path, ".hidden", "node_modules/x", "venv/x", "a/b/c/d/e/too-deep")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    make(tmp_path, "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert find_projects(tmp_path) == ["real"]


def test_what_is_no_project(tmp_path: Path) -> None:
    make(tmp_path, "service", dockerfile="FROM python:3.12\n")
    (tmp_path / "dags").mkdir()
    assert find_projects(tmp_path) == []


def test_an_image_of_ones_own(tmp_path: Path) -> None:
    make(tmp_path, "project", dockerfile="FROM example.com/airflow:7\n")
    (tmp_path / "project" / ".astro").mkdir()
    assert find_projects(tmp_path) == ["project"]
