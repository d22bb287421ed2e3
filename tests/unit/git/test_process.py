"""How git is started and ended, with real git and with one that misbehaves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.errors import GitError
from astro_ci.git.process import KILLED, Git
from tests.repository import Repository


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "project", {"dags/a.py": "a"})


@pytest.fixture(params=["with what it started", "and leaves what it started behind"])
def hanging(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A git that hangs, and a child of it that holds the pipes. Gives where it notes both.

    Told to end, it ends, with its child or without.
    """
    notes = tmp_path / "pids"
    script = tmp_path / "bin" / "git"
    ending = "kill $!; " if request.param.startswith("with") else ""
    script.parent.mkdir()
    script.write_text(
        "#!/bin/sh\n"
        "sleep 600 &\n"
        f"trap '{ending}exit 143' TERM\n"
        f"echo $$ $! > {notes}.new; mv {notes}.new {notes}\n"
        "wait\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    yield notes
    for pid in filter(is_running, notes.read_text().split()):
        os.kill(int(pid), signal.SIGKILL)


def is_running(pid: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def _git_in(tmp_path: Path) -> Git:
    """A git beside the one that hangs, and past its first question."""
    (tmp_path / "project").mkdir()
    git = Git(tmp_path / "project", os.environ)
    git.settings = []
    return git


def test_a_git_that_hangs_is_ended(tmp_path: Path, hanging: Path) -> None:
    git = _git_in(tmp_path)
    code, out, _ = git.run("fetch", timeout_seconds=1)
    assert (code, out) == (KILLED, "")
    assert not is_running(hanging.read_text().split()[0])


def test_a_git_that_another_thread_waits_for_can_be_ended(tmp_path: Path, hanging: Path) -> None:
    git, codes = _git_in(tmp_path), []
    thread = threading.Thread(target=lambda: codes.append(git.code("diff-files")))
    thread.start()
    while not hanging.exists():
        thread.join(0.01)
    git.stop()
    thread.join()
    assert codes == [KILLED]
    assert not is_running(hanging.read_text().split()[0])


def test_what_git_tells_its_hooks_is_not_passed_on(
    project: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"):
        monkeypatch.setenv(name, "/nonexistent")
    monkeypatch.setenv("GIT_ICASE_PATHSPECS", "1")
    git = Git(project.root, os.environ)
    assert git.out("ls-files", "--", "dags", "DAGS") == "dags/a.py\n"
    assert git.out("ls-files", env={"GIT_INDEX_FILE": str(project.root / "none")}) == ""


def test_messages_are_in_english(project: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    with pytest.raises(GitError, match="exit code 128: fatal: Not a valid object name nothing"):
        Git(project.root, os.environ).out("ls-tree", "nothing")


def test_more_than_a_pipe_holds_goes_both_ways(project: Repository) -> None:
    asked = f"{project.head}\n" * 20_000
    answer = Git(project.root, os.environ).out("cat-file", "--batch-check", stdin=asked.encode())
    assert answer == asked.replace("\n", f" commit {answer.split(' ', 3)[2].split()[0]}\n")


def test_no_git_at_all(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(GitError, match="git is not installed") as caught:
        Git(tmp_path / "root", {"PATH": str(tmp_path)}).code("version")
    assert caught.value.hint == "Install git in the job's image."


def test_a_git_that_may_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "git").write_text("#!/nonexistent/interpreter\n")
    (tmp_path / "git").chmod(0o644)
    with pytest.raises(GitError, match=r"git could not be started in .*: Permission denied"):
        Git(tmp_path / "root", {"PATH": str(tmp_path)}).code("version")


def test_a_git_that_is_too_old_to_be_hardened(tmp_path: Path) -> None:
    """One that ignores settings in the environment would run what they close."""
    (tmp_path / "root").mkdir()
    (tmp_path / "git").write_text("#!/bin/sh\nprintf 'local\\0file:x\\0core.bare\\nfalse\\0'\n")
    (tmp_path / "git").chmod(0o755)
    with pytest.raises(GitError, match="reads no settings from the environment") as caught:
        Git(tmp_path / "root", {"PATH": f"{tmp_path}:/usr/bin"}).code("ls-files")
    assert caught.value.hint == "Install git 2.31 or later in the job's image."


def test_a_checkout_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(GitError, match="no longer exists"):
        Git(tmp_path / "none", {}).code("version")
