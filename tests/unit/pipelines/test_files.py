"""What `init` finds in a directory, and how it writes into one."""

from __future__ import annotations

from pathlib import Path

import pytest

from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.pipelines.projects import find_projects
from astro_ci.pipelines.systems import detect_system
from astro_ci.pipelines.write import write_new

RUNTIME = "FROM astrocrpublic.azurecr.io/runtime:3.1-2\n"


def make(root: Path, *names: str, dockerfile: str = RUNTIME) -> None:
    for name in names:
        path = root / name
        path.mkdir(parents=True)
        (path / "dags").mkdir()
        (path / "Dockerfile").write_text(dockerfile)


class TestProjects:
    def test_in_directories(self, tmp_path: Path) -> None:
        make(tmp_path, "b", "a/deep/one", "🎉 x")
        assert find_projects(tmp_path) == ["a/deep/one", "b", "🎉 x"]

    def test_the_root_is_the_only_one(self, tmp_path: Path) -> None:
        make(tmp_path, "project", "project/examples/other")
        assert find_projects(tmp_path / "project") == [""]

    def test_what_is_not_searched(self, tmp_path: Path) -> None:
        make(tmp_path, ".hidden", "node_modules/x", "venv/x", "a/b/c/d/e/too-deep")
        (tmp_path / "venv" / "pyvenv.cfg").write_text("")
        make(tmp_path, "real")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        assert find_projects(tmp_path) == ["real"]

    def test_what_is_no_project(self, tmp_path: Path) -> None:
        make(tmp_path, "service", dockerfile="FROM python:3.12\n")
        (tmp_path / "dags").mkdir()
        assert find_projects(tmp_path) == []

    def test_an_image_of_ones_own(self, tmp_path: Path) -> None:
        make(tmp_path, "project", dockerfile="FROM example.com/airflow:7\n")
        (tmp_path / "project" / ".astro").mkdir()
        assert find_projects(tmp_path) == ["project"]


class TestSystem:
    def test_a_directory_for_other_things_is_no_proof(self, tmp_path: Path) -> None:
        (tmp_path / ".github").mkdir()
        (tmp_path / ".github" / "CODEOWNERS").write_text("")
        (tmp_path / "Jenkinsfile").write_text("")
        assert detect_system(tmp_path, "github.com").key == "jenkins"

    def test_the_remote_decides_between_files(self, tmp_path: Path) -> None:
        (tmp_path / "Jenkinsfile").write_text("")
        (tmp_path / ".gitlab-ci.yml").write_text("")
        assert detect_system(tmp_path, "gitlab.com").key == "gitlab"
        with pytest.raises(ConfigurationError, match="gitlab, jenkins"):
            detect_system(tmp_path, "example.com")

    @pytest.mark.parametrize("host", ["", "notgithub.com", "github-mirror", "example.com"])
    def test_nothing_tells(self, tmp_path: Path, host: str) -> None:
        with pytest.raises(
            ConfigurationError, match="neither the repository's files nor its remote"
        ):
            detect_system(tmp_path, host)


class TestWrite:
    def test_all_of_them(self, tmp_path: Path) -> None:
        write_new(tmp_path, {"a": "1\n", "x/y/b": "2\n"})
        assert (tmp_path / "a").read_bytes() == b"1\n"
        assert (tmp_path / "x/y/b").read_bytes() == b"2\n"

    def test_or_none(self, tmp_path: Path) -> None:
        (tmp_path / "b").write_text("mine")
        with pytest.raises(ProjectError, match="b cannot be written"):
            write_new(tmp_path, {"a": "1\n", "x/y/c": "2\n", "b": "3\n"})
        assert [path.name for path in tmp_path.iterdir()] == ["b"]
        assert (tmp_path / "b").read_text() == "mine"

    def test_not_through_a_dangling_link(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ProjectError):
            write_new(tmp_path, {"a": "1\n"})
        assert not (tmp_path / "elsewhere").exists()
