from __future__ import annotations

import os
from pathlib import Path

from astro_ci.git import GitRepo
from astro_ci.model import Change, Part, Status
from astro_ci.planning.comparison import Comparison
from astro_ci.planning.guards import DagFiles
from astro_ci.planning.rules import Rules, parse_globs
from astro_ci.project.find import find_project
from astro_ci.survey.dag_files import count_dag_files
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
