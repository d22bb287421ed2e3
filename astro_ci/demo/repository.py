"""The demo's own repository, with an identity of its own."""

from __future__ import annotations

from pathlib import Path

REMOTE = "https://git.example.com/acme/airflow.git"
# The user's global git settings do not apply here.
_SETTINGS = ["core.hooksPath=/dev/null", "core.fsmonitor=false"]


def make_repository(directory: Path) -> None:
    """Make an empty repository, with a remote that is never used."""
    from git import Repo

    with Repo.init(directory, initial_branch="main") as repo:
        repo.create_remote("origin", REMOTE)


def commit(project: Path, title: str) -> str:
    """Commit everything, and return the commit."""
    from git import Actor, Repo

    author = Actor("Demo", "demo@example.com")
    with Repo(project) as repo:
        repo.git(c=_SETTINGS).add(all=True)
        made = repo.index.commit(title, author=author, committer=author, skip_hooks=True)
        return made.hexsha


def head(project: Path) -> str:
    """Name the checked-out commit."""
    from git import Repo

    with Repo(project) as repo:
        return repo.head.commit.hexsha
