from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from astro_ci.git import GitRepo
from astro_ci.image.source import ReadyImage
from astro_ci.model import Change, Part, Status
from astro_ci.planning.comparison import Comparison
from astro_ci.planning.guards import DagFiles
from astro_ci.planning.rules import Rules, parse_globs
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.find import find_project
from astro_ci.survey.dag_files import count_dag_files, count_image_files, names_in_listing
from tests.repository import Repository

FILES = {"Dockerfile": "FROM scratch\n", "dags/a.py": "", "dags/b.py": "", "dags/q.sql": ""}
RULES = Rules(project="", dags=("dags",), default_ignore=parse_globs((), name="none"))


def count(repository: Repository) -> DagFiles:
    """Count where dags/b.py was deleted since the commit that is checked out."""
    gone = Change(
        path="dags/b.py", status=Status.DELETED, parts=frozenset({Part.DAGS}), because="a test"
    )
    return count_dag_files(
        ["a.py", "q.sql"],
        find_project(repository.root, "dags"),
        "dags",
        RULES,
        repo=GitRepo.open(repository.root, env=os.environ),
        compared=Comparison(base=repository.head, changes=[gone]),
        is_bundle=True,
    )


def test_what_ships_and_what_did(tmp_path: Path) -> None:
    repository = Repository.create(tmp_path, FILES)
    assert count(repository) == DagFiles(shipped=2, dag_files=1, before=3)


def test_what_a_submodule_held_is_not_known_unless_it_is_checked_out(tmp_path: Path) -> None:
    """Then the guard against a wipe cannot compare, and must not take it for nothing."""
    repository = Repository.create(tmp_path, FILES)
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},dags/lib")
    repository.git("commit", "--quiet", "--message", "a submodule")
    assert count(repository) == DagFiles(shipped=2, dag_files=1, before=None)


def listing(*paths: str) -> list[str]:
    return [f"100644 {'a' * 40} 0\t{path}" for path in paths]


class TestNames:
    PATHS = ("README.md", "dags/a.py", "dags/sub/b\tdags/c.py", "dagster/d.py")

    def test_are_relative_to_the_directory(self) -> None:
        assert names_in_listing(listing(*self.PATHS), "dags", RULES) == [
            "a.py", "sub/b\tdags/c.py",
        ]  # fmt: skip
        assert names_in_listing(listing(*self.PATHS), "", RULES) == list(self.PATHS)
        assert names_in_listing(listing(*self.PATHS), "none", RULES) == []

    def test_are_not_those_of_leftovers(self) -> None:
        rules = replace(RULES, is_leftover=lambda path: path != "p/dags/a.py")
        paths = ("p/dags/__pycache__/a.pyc", "p/dags/a.py", "p/dags/v/pyvenv.cfg")
        for leftover in (paths[0], paths[2]):
            assert names_in_listing(listing("p/dags/a.py", leftover), "p/dags", rules) == ["a.py"]
        at_root = replace(RULES, is_leftover=lambda path: path == "x.pyc")
        assert names_in_listing(listing("a.py", "x.pyc"), "", at_root) == ["a.py"]

    def test_are_not_looked_at_one_by_one_where_none_is_a_leftover(self) -> None:
        rules = replace(RULES, is_leftover=lambda path: pytest.fail(path))
        assert names_in_listing(listing("dags/a.py"), "dags", rules) == ["a.py"]

    @pytest.mark.parametrize(
        ("link", "known"),
        [
            ("dags", False),
            ("dags/lib", False),
            ("p", True),
            ("other", True),
            ("dags2", True),
            ("a\tdags", True),
        ],
    )
    def test_are_not_known_where_another_repository_is(self, link: str, known: bool) -> None:
        lines = [*listing("dags/a.py"), f"160000 {'b' * 40} 0\t{link}"]
        assert (names_in_listing(lines, "dags", RULES) is not None) is known
        assert names_in_listing([f"160000 {'b' * 40} 0\tp"], "p/dags", RULES) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.py", "b/c.zip", "q.sql"], DagFiles(shipped=3, dag_files=2, before=None)),
        ([], DagFiles(shipped=0, dag_files=0, before=None)),
        (None, None),
    ],
)
def test_of_a_prebuilt_image(names: list[str] | None, expected: DagFiles | None) -> None:
    image = SimpleNamespace(dag_files=lambda: names)
    assert count_image_files(cast(ReadyImage, image)) == expected


class TestCount:
    @pytest.fixture
    def repository(self, tmp_path: Path) -> Repository:
        return Repository.create(tmp_path / "repository", FILES)

    @staticmethod
    def of(repository: Repository, names: list[str] | None, **given: Any) -> DagFiles:
        values: dict[str, Any] = {
            "repo": GitRepo.open(repository.root, env=os.environ),
            "compared": Comparison(base=repository.head, changes=()),
            "is_bundle": True,
            **given,
        }
        directory = values.pop("directory", "dags")
        rules = values.pop("rules", RULES)
        project = find_project(repository.root, directory)
        return count_dag_files(names, project, directory, rules, **values)

    @staticmethod
    def change(path: str, status: Status, *parts: Part) -> Change:
        return Change(path=path, status=status, parts=frozenset(parts), because="a test")

    def test_of_names_that_have_to_be_looked_for(self, repository: Repository) -> None:
        repository.write({"dags/new/c.py": ""})
        assert self.of(repository, None) == DagFiles(shipped=4, dag_files=3, before=3)
        assert self.of(repository, None, directory="none").shipped == 0

    def test_is_made_of_the_past_only_where_files_may_be_fewer(
        self, repository: Repository
    ) -> None:
        def before(*changes: Change, base: str | None = repository.head) -> int | None:
            compared = Comparison(base=base, changes=changes)
            return self.of(repository, ["a.py"], compared=compared).before

        deleted = self.change("dags/b.py", Status.DELETED, Part.DAGS)
        assert before() is None
        assert before(self.change("dags/a.py", Status.MODIFIED, Part.DAGS)) is None
        assert before(self.change("dags/b.py", Status.DELETED, Part.IMAGE)) is None
        assert before(deleted) == 3
        assert before(deleted, base=None) is None
        assert before(self.change("dags/v/pyvenv.cfg", Status.ADDED, Part.DAGS)) == 3
        unknown = Comparison(base=repository.head, changes=None)
        assert self.of(repository, None, compared=unknown).before is None

    def test_leaves_out_what_airflowignore_leaves_out(self, repository: Repository) -> None:
        def asked(*names: str) -> int:
            return self.of(repository, list(names), ignored=lambda: {"b.py"}).dag_files

        assert asked("a.py", "b.py") == 2, "without such a file, nobody is asked"
        assert asked("a.py", "b.py", ".airflowignore") == 1
        assert asked("a.py", "b.py", "x/y/.airflowignore") == 1
        assert asked("a.py", "b.py", "my.airflowignore") == 2

    def test_of_dags_in_the_image(self, repository: Repository) -> None:
        deleted = self.change("dags/b.py", Status.DELETED, Part.DAGS)
        rules = replace(RULES, dockerignore=DockerIgnore.parse("dags/q.sql\n*/a.py\n"))
        given = {
            "rules": rules, "compared": Comparison(base=repository.head, changes=[deleted])
        }  # fmt: skip
        in_image = self.of(repository, ["a.py", "b.py", "q.sql"], is_bundle=False, **given)
        assert in_image == DagFiles(shipped=1, dag_files=1, before=1)
        given["rules"] = replace(RULES, dockerignore=DockerIgnore.parse("# ours\ndags/*.py\n"))
        empty = self.of(repository, ["a.py", "b.py", "q.sql"], is_bundle=False, **given)
        assert (empty.shipped, empty.dag_files, empty.left_out_by) == (1, 0, "dags/*.py")
        bundled = self.of(repository, ["a.py", "b.py", "q.sql"], **given)
        assert bundled == DagFiles(shipped=3, dag_files=2, before=3)

    def test_a_line_is_blamed_only_for_what_it_leaves_out(self, repository: Repository) -> None:
        def blamed(names: list[str], lines: str, *ignored: str) -> str:
            rules = replace(RULES, dockerignore=DockerIgnore.parse(lines))
            found = self.of(
                repository, names, is_bundle=False, rules=rules, ignored=lambda: ignored
            )
            assert found.dag_files == 0
            return found.left_out_by

        assert blamed(["a.py"], "dags/*.py") == "dags/*.py"
        assert blamed(["q.sql"], "dags/q.sql") == "", "it is no DAG file"
        by_airflow = ["a.py", ".airflowignore"]
        assert blamed(by_airflow, "dags/*.py\n!dags/a.py", "a.py") == ""

    def test_of_dags_outside_of_the_context(self, tmp_path: Path) -> None:
        """No image holds them."""
        repository = Repository.create(
            tmp_path / "two", {"p/Dockerfile": "FROM scratch\n", "dags/a.py": ""}
        )
        project = find_project(repository.root / "p", "../dags")
        found = count_dag_files(
            ["a.py"], project, "dags", replace(RULES, project="p"),
            repo=GitRepo.open(repository.root, env=os.environ),
            compared=Comparison(), is_bundle=False,
        )  # fmt: skip
        assert found == DagFiles(shipped=0, dag_files=0, before=None)

    def test_of_the_past_leaves_leftovers_out(self, tmp_path: Path) -> None:
        repository = Repository.create(
            tmp_path / "old",
            {
                **FILES,
                "dags/x.pyc": "",
                "dags/env/v/pyvenv.cfg": "",
                "dags/env/v/lib/c.py": "",
                "dags/env/kept.py": "",
            },
        )
        assert self.of(repository, None).before == 4
