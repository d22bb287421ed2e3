from __future__ import annotations

import os
from pathlib import Path

import pytest

from astro_ci.excludes import VENV_MARKER, excluder
from astro_ci.git import GitRepo
from astro_ci.model import PathChange
from tests.repository import Repository, fingerprint

FILES = {"Dockerfile": "FROM x", "dags/a.py": "a", "dags/b.py": "b", "include/sql.sql": "select 1"}


@pytest.fixture
def project(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "project", FILES)


def changes(project: Repository, base: str | None = None, **options: object) -> list[str]:
    """What a snapshot says changed, as `M path`."""
    repo = GitRepo.open(project.root)
    excludes = excluder(lambda d: (project.root / d / VENV_MARKER).exists())
    with repo.snapshot([""], excludes=excludes, **options) as snapshot:  # type: ignore[arg-type]
        return [_line(change) for change in snapshot.changes(base or project.head)]


def _line(change: PathChange) -> str:
    return f"{change.status} {change.path}"


def test_a_clean_checkout_is_its_commit(project: Repository) -> None:
    repo = GitRepo.open(project.root)
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
    with GitRepo.open(project.root).snapshot(["dags"]) as snapshot:
        assert [_line(c) for c in snapshot.changes(project.head)] == ["M dags/a.py"]


def test_entries_are_the_files_of_the_tree(project: Repository) -> None:
    project.write({"dags/new.py": "n"})
    with GitRepo.open(project.root).snapshot([""]) as snapshot:
        entries = snapshot.entries(["dags"])
        assert [(e.path, e.mode) for e in entries] == [
            ("dags/a.py", "100644"),
            ("dags/b.py", "100644"),
            ("dags/new.py", "100644"),
        ]
        assert entries[2].object_id == project.git("hash-object", "dags/new.py")


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
        with GitRepo.open(clone.root).snapshot([""]) as snapshot:
            assert snapshot.empty_submodules == ["dags/lib"]

    def test_a_clone_inside_ships_and_counts(
        self, project: Repository, library: Repository
    ) -> None:
        library.clone(project.root / "dags/vendored")
        assert changes(project) == ["M dags/vendored"]
        first = self._module_id(project, "dags/vendored")
        project.write({"dags/vendored/lib.py": "edited"})
        assert self._module_id(project, "dags/vendored") != first

    @staticmethod
    def _module_id(project: Repository, path: str = "dags/lib") -> str:
        with GitRepo.open(project.root).snapshot([""]) as snapshot:
            return next(e.object_id for e in snapshot.entries(["dags"]) if e.path == path)


def test_partial_clones_need_no_file_contents(project: Repository, tmp_path: Path) -> None:
    base = project.head
    project.write({"dags/a.py": "second", "include/more.sql": "m"})
    project.commit("second")
    for number, kind in enumerate(("blob:none", "tree:0")):
        clone = project.clone(tmp_path / f"clone{number}", f"--filter={kind}")
        clone.write({"dags/c.py": "c"})
        assert changes(clone, base) == ["M dags/a.py", "A dags/c.py", "A include/more.sql"]


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
    with GitRepo.open(project.root).snapshot([""]) as snapshot:
        assert snapshot.absent == ["include/sql.sql"]
        assert snapshot.changes(project.head) == []
    with GitRepo.open(project.root).snapshot(["dags"]) as snapshot:
        assert snapshot.absent == []
