from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from astro_ci.errors import ProjectError
from astro_ci.git.described import describe
from tests.repository import Repository


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "origin", {"dags/a.py": "a"})


def test_the_default_branch_is_that_of_the_clone(origin: Repository, tmp_path: Path) -> None:
    origin.git("branch", "--move", "trunk/x")
    clone = origin.clone(tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "feature/x")
    found = describe(clone.root)
    assert (found.branch, found.default_branch) == ("feature/x", "trunk/x")
    assert found.remote_url == origin.root.as_uri()


def test_without_a_remote_it_is_the_branch_that_is_checked_out(origin: Repository) -> None:
    found = describe(origin.root)
    assert (found.branch, found.default_branch, found.remote_url) == ("main", "main", None)
    origin.git("checkout", "--quiet", "--detach")
    found = describe(origin.root)
    assert (found.branch, found.default_branch) == (None, None)


def test_a_repository_without_commits(tmp_path: Path) -> None:
    assert describe(Repository.create(tmp_path / "empty").root).branch == "main"


def test_a_work_tree_of_several(origin: Repository, tmp_path: Path) -> None:
    origin.git("remote", "add", "upstream", "https://example.com/x.git")
    origin.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "-b", "side")
    found = describe(tmp_path / "tree")
    assert (found.branch, found.remote_url) == ("side", "https://example.com/x.git")


@pytest.mark.parametrize(("names", "expected"), [(["a", "origin"], "origin"), (["a", "b"], None)])
def test_which_remote(origin: Repository, names: list[str], expected: str | None) -> None:
    for name in names:
        origin.git("remote", "add", name, f"https://example.com/{name}")
    assert describe(origin.root).remote_url == (expected and f"https://example.com/{expected}")


def test_what_is_no_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(ProjectError, match="cannot be read"):
        describe(tmp_path)


def test_no_git_is_started_for_it(
    origin: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So nothing that the checkout names can run."""
    origin.git("remote", "add", "origin", "https://example.com/x")
    origin.git("config", "core.fsmonitor", "touch ran; false")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin/git"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    assert describe(origin.root).default_branch == "main"
    assert not (tmp_path / "started").exists()


def test_a_plan_does_not_load_it() -> None:
    code = (
        "import astro_ci.survey.plan, astro_ci.deploying.deploy, sys; print('git' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
