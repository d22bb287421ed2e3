from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from astro_ci.git import GitRepo
from astro_ci.model import PathChange
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher
from tests.repository import Repository, fingerprint

FILES = {"Dockerfile": "FROM x", "dags/a.py": "a", "dags/b.py": "b", "include/sql.sql": "select 1"}


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "project", FILES)


def changes(project: Repository, base: str | None = None, **options: object) -> list[str]:
    """What a snapshot says changed, as `M path`."""
    repo = GitRepo.open(project.root, os.environ)
    excludes = leftover_matcher(lambda d: (project.root / d / VENV_MARKER).exists())
    with repo.snapshot([""], excludes=excludes, **options) as snapshot:  # type: ignore[arg-type]
        return [_line(change) for change in snapshot.changes(base or project.head)]


def _line(change: PathChange) -> str:
    return f"{change.status} {change.path}"


def test_a_clean_checkout_is_its_commit(project: Repository) -> None:
    repo = GitRepo.open(project.root, os.environ)
    with repo.snapshot([""]) as snapshot:
        assert snapshot.tree == project.git("rev-parse", "HEAD^{tree}")
        assert snapshot.changes(project.head) == []


def test_sees_uncommitted_staged_and_untracked_files(project: Repository) -> None:
    project.write({"dags/a.py": "edited", "dags/new.py": "n", "include/staged.sql": "s"})
    project.git("add", "include/staged.sql")
    project.remove("dags/b.py")
    assert changes(project) == [
        "M dags/a.py",
        "D dags/b.py",
        "A dags/new.py",
        "A include/staged.sql",
    ]


def test_compares_with_the_work_tree_not_the_index(project: Repository) -> None:
    project.write({"dags/a.py": "staged"})
    project.git("add", "--all")
    project.write({"dags/a.py": "a"})
    assert changes(project) == []


def test_a_rename_has_two_sides(project: Repository) -> None:
    base = project.head
    project.git("mv", "dags/a.py", "include/a.py")
    project.commit("move")
    assert changes(project, base) == ["D dags/a.py", "A include/a.py"]


def test_sees_modes_types_and_links(project: Repository) -> None:
    (project.root / "dags/a.py").chmod(0o755)
    project.remove("dags/b.py")
    (project.root / "dags/b.py").symlink_to("a.py")
    assert changes(project) == ["M dags/a.py", "T dags/b.py"]


def test_a_file_that_becomes_a_directory(project: Repository) -> None:
    project.remove("dags/a.py")
    project.write({"dags/a.py/inner.py": "x"})
    assert changes(project) == ["D dags/a.py", "A dags/a.py/inner.py"]


@pytest.mark.parametrize(
    "name", ["a b.py", "-rf.py", "new\nline.py", "tab\t.py", '"q".py', "\udcff\udcfe.py", "ü.py"]
)
def test_any_name(project: Repository, name: str) -> None:
    base = project.head
    project.write({f"dags/{name}": "x"})
    assert changes(project) == [f"A dags/{name}"]
    project.commit("odd name")
    assert changes(project, base) == [f"A dags/{name}"]


def test_ignored_files_count_only_where_they_ship(project: Repository) -> None:
    project.write({".gitignore": "generated*\n"})
    project.commit("ignore")
    project.write({"dags/generated.py": "g", "include/generated.sql": "g"})
    assert changes(project) == []
    assert changes(project, with_ignored=["dags"]) == ["A dags/generated.py"]
    assert changes(
        project, with_ignored=["dags", "include"], counts_ignored=lambda p: p.startswith("include")
    ) == ["A include/generated.sql"]


def test_leftovers_of_tools_never_count(project: Repository) -> None:
    project.write(
        {
            "dags/__pycache__/a.cpython-311.pyc": "x",
            "dags/sub/__pycache__/x.py": "x",
            ".pytest_cache/v/x": "x",
            "venv/pyvenv.cfg": "home = /",
            "venv/lib/site.py": "x",
            "dags/old.pyc": "x",
        }
    )
    assert changes(project, with_ignored=["dags"]) == []


def test_the_checkout_stays_as_it_is(project: Repository) -> None:
    project.write({"dags/a.py": "edited", "dags/new.py": "n"})
    before = fingerprint(project.root)
    objects = sorted(p.name for p in (project.root / ".git/objects").rglob("*"))
    changes(project)
    assert fingerprint(project.root) == before
    assert sorted(p.name for p in (project.root / ".git/objects").rglob("*")) == objects


def test_works_on_a_checkout_that_cannot_be_written(project: Repository) -> None:
    project.write({"dags/a.py": "edited"})
    (project.root / ".git" / "index.lock").touch()  # another git is at work
    assert changes(project) == ["M dags/a.py"]


def test_outside_the_scopes_nothing_is_looked_for(project: Repository) -> None:
    project.write({"dags/a.py": "edited", "include/new.sql": "n"})
    with GitRepo.open(project.root, os.environ).snapshot(["dags"]) as snapshot:
        assert [_line(c) for c in snapshot.changes(project.head)] == ["M dags/a.py"]


def test_reads_the_files_of_the_tree(project: Repository) -> None:
    project.write({"dags/new.py": "n"})
    with GitRepo.open(project.root, os.environ).snapshot(["dags"]) as snapshot:
        new = project.git("hash-object", "dags/new.py")
        assert snapshot.read(list) == [
            *project.git("ls-files", "--stage", "dags").splitlines(),
            f"100644 {new} 0\tdags/new.py",
        ]


class TestInnerRepositories:
    @pytest.fixture
    def library(self, tmp_path: Path) -> Repository:
        return Repository.create(tmp_path / "library", {"lib.py": "1"})

    @pytest.fixture
    def with_module(self, project: Repository, library: Repository) -> Repository:
        project.git("submodule", "--quiet", "add", str(library.root), "dags/lib")
        project.commit("add a submodule")
        return project

    def test_a_bump_is_a_change(self, with_module: Repository, library: Repository) -> None:
        library.write({"lib.py": "2"})
        library.commit("two")
        inner = Repository(with_module.root / "dags/lib")
        inner.git("pull", "--quiet")
        assert changes(with_module) == ["M dags/lib"]
        base = with_module.head
        with_module.commit("bump")
        assert changes(with_module) == []
        assert changes(with_module, base) == ["M dags/lib"]

    def test_a_dirty_submodule_is_a_change(self, with_module: Repository) -> None:
        assert changes(with_module) == []
        clean = self._module_id(with_module)
        with_module.write({"dags/lib/lib.py": "edited"})
        assert changes(with_module) == ["M dags/lib"]
        assert self._module_id(with_module) != clean

    def test_an_uninitialised_submodule_is_its_recorded_commit(
        self, with_module: Repository, tmp_path: Path
    ) -> None:
        clone = with_module.clone(tmp_path / "clone")
        assert changes(clone) == []
        with GitRepo.open(clone.root, os.environ).snapshot([""]) as snapshot:
            assert snapshot.empty_submodules == ["dags/lib"]

    def test_a_clone_inside_that_has_no_commit_yet(self, project: Repository) -> None:
        Repository.create(project.root / "dags/new")
        project.write({"dags/new/a.py": "x"})
        assert changes(project) == ["A dags/new"]

    def test_a_clone_inside_ships_and_counts(
        self, project: Repository, library: Repository
    ) -> None:
        library.clone(project.root / "dags/vendored")
        assert changes(project) == ["A dags/vendored"]
        first = self._module_id(project, "dags/vendored")
        project.write({"dags/vendored/lib.py": "edited"})
        assert self._module_id(project, "dags/vendored") != first

    @staticmethod
    def _module_id(project: Repository, path: str = "dags/lib") -> str:
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            (found,) = (line for line in snapshot.read(list) if line.endswith(f"\t{path}"))
            return found.split(" ")[1]


def test_partial_clones_need_no_file_contents(project: Repository, tmp_path: Path) -> None:
    base = project.head
    project.write({"dags/a.py": "second", "include/more.sql": "m"})
    project.commit("second")
    for number, kind in enumerate(("blob:none", "tree:0")):
        clone = project.clone(tmp_path / f"clone{number}", f"--filter={kind}")
        clone.write({"dags/c.py": "c"})
        assert changes(clone, base) == ["M dags/a.py", "A dags/c.py", "A include/more.sql"]


def test_a_directory_that_becomes_a_link(project: Repository) -> None:
    project.write(
        {"dags/sub/c.py": "1", "dags/sub/deep/d.py": "1", "dags/sub.z": "", "other/c.py": "2"}
    )
    project.commit()
    shutil.rmtree(project.root / "dags/sub")
    (project.root / "dags/sub").symlink_to("../other")
    assert changes(project) == ["A dags/sub", "D dags/sub/c.py", "D dags/sub/deep/d.py"]


def test_a_link_that_becomes_a_directory(project: Repository) -> None:
    (project.root / "dags/sub").symlink_to("../include")
    project.commit()
    (project.root / "dags/sub").unlink()
    project.write({"dags/sub/c.py": "1"})
    assert changes(project) == ["D dags/sub", "A dags/sub/c.py"]


def test_a_path_of_255_bytes(project: Repository) -> None:
    name = f"dags/{'x' * 252}.py"
    assert len(os.fsencode(name.removeprefix("dags/"))) == 255
    project.write({name: "x"})
    assert changes(project) == [f"A {name}"]


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_files_that_git_was_told_not_to_look_at(project: Repository, flag: str) -> None:
    project.git("update-index", flag, "dags/a.py")
    project.write({"dags/a.py": "edited"})
    assert project.git("status", "--porcelain") == ""
    assert changes(project) == ["M dags/a.py"]


def test_a_sparse_checkout_names_what_it_leaves_out(project: Repository) -> None:
    project.git("sparse-checkout", "set", "dags")
    with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
        assert snapshot.absent == ["include/sql.sql"]
        assert snapshot.changes(project.head) == []
    with GitRepo.open(project.root, os.environ).snapshot(["dags"]) as snapshot:
        assert snapshot.absent == []


class TestReadingWhileGitLooks:
    """What is staged is read at first, and what ships is what counts."""

    def test_once_in_a_clean_checkout(self, project: Repository) -> None:
        seen: list[int] = []
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            snapshot.prepare_changes(project.head)
            snapshot.read(lambda lines: seen.append(len(lines)))
            assert seen == [4]
            assert snapshot.changes(project.head) == []

    def test_again_where_something_is_not_staged(self, project: Repository) -> None:
        base = project.head
        project.write({"dags/new.py": "n"})
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            snapshot.prepare_changes(base)
            assert snapshot.read(len) == 5
            assert [_line(change) for change in snapshot.changes(base)] == ["A dags/new.py"]

    def test_what_is_staged_may_be_no_tree(self, project: Repository) -> None:
        base = project.head
        for branch, text in (("theirs", "1"), ("ours", "2")):
            project.git("checkout", "--quiet", "-b", branch, base)
            project.write({"dags/a.py": text})
            project.commit()
        merge = ["git", "merge", "--quiet", "theirs"]
        assert subprocess.run(merge, cwd=project.root, capture_output=True).returncode == 1
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            snapshot.prepare_changes(base)
            assert snapshot.read(len) == 4
            assert [_line(change) for change in snapshot.changes(base)] == ["M dags/a.py"]

    def test_files_that_never_ship_are_no_difference(self, project: Repository) -> None:
        project.write({"dags/__pycache__/a.pyc": "x", ".venv/pyvenv.cfg": "", ".venv/x.py": ""})
        excludes = leftover_matcher(lambda d: (project.root / d / VENV_MARKER).exists())
        seen: list[int] = []
        with GitRepo.open(project.root, os.environ).snapshot([""], excludes=excludes) as snapshot:
            snapshot.read(lambda lines: seen.append(len(lines)))
            assert seen == [4]


class TestStrangeCheckouts:
    def test_a_directory_that_is_a_link_to_the_same(self, project: Repository) -> None:
        """git looks through the link, finds the file as it was, and ignores the link itself."""
        project.write({".gitignore": "plugins\n", "plugins/p.py": "1", "include/pp/p.py": "1"})
        project.git("add", "--all", "--force")
        project.commit()
        shutil.rmtree(project.root / "plugins")
        (project.root / "plugins").symlink_to("include/pp")
        assert changes(project) == ["D plugins/p.py"]

    def test_a_submodule_without_its_repository(self, project: Repository, tmp_path: Path) -> None:
        library = Repository.create(tmp_path / "library", {"lib.py": "1"})
        project.git("submodule", "--quiet", "add", str(library.root), "dags/lib")
        project.commit()
        (project.root / "dags/lib/.git").unlink()
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            before = snapshot.read(list)
        assert any(line.endswith("\tdags/lib/lib.py") for line in before)
        project.write({"dags/lib/lib.py": "2"})
        with GitRepo.open(project.root, os.environ).snapshot([""]) as snapshot:
            assert snapshot.read(list) != before

    def test_a_checkout_made_where_case_does_not_count(self, project: Repository) -> None:
        project.git("config", "core.ignorecase", "true")
        project.write({"dags/A.py": "5"})
        assert changes(project) == ["A dags/A.py"]

    @pytest.mark.parametrize("name", ["git~1", ".git ", ".git\u200c"])
    def test_names_that_are_peculiar_elsewhere(self, project: Repository, name: str) -> None:
        project.write({f"dags/{name}": "x"})
        assert changes(project) == [f"A dags/{name}"]

    @pytest.mark.parametrize("inside", ["tmp", "dags/.tmp"])
    def test_our_own_scratch_does_not_ship(
        self, project: Repository, monkeypatch: pytest.MonkeyPatch, inside: str
    ) -> None:
        (project.root / inside).mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(project.root / inside))
        assert changes(project) == []

    def test_a_line_break_in_the_way_to_it(self, tmp_path: Path) -> None:
        project = Repository.create(tmp_path / 'a "new"\nline\\' / "project", FILES)
        base = project.head
        project.write({"dags/a.py": "2"})
        assert changes(project, base) == ["M dags/a.py"]

    def test_a_repository_within_that_has_no_commit(self, project: Repository) -> None:
        inner = Repository.create(project.root / "dags/gen")
        inner.write({"x.py": "1"})
        assert changes(project) == ["A dags/gen"]

    def test_a_conflict_elsewhere(self, project: Repository) -> None:
        for branch, text in (("theirs", "1"), ("ours", "2")):
            project.git("checkout", "--quiet", "-B", branch, "main")
            project.write({"notes": text})
            project.commit()
        merge = ["git", "merge", "--quiet", "theirs"]
        assert subprocess.run(merge, cwd=project.root, capture_output=True).returncode == 1
        with GitRepo.open(project.root, os.environ).snapshot(["dags"]) as snapshot:
            assert snapshot.read(len) == 2
