"""A real git repository, small enough to read at a glance."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from git import Repo


class Repository:
    """A repository in a directory, driven by the git command. Names may be any bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def create(cls, root: Path, files: dict[str, str] | None = None) -> Repository:
        """Make a repository, with a first commit when there are files."""
        root.mkdir(parents=True, exist_ok=True)
        Repo.init(root, initial_branch="main").close()
        repository = cls(root)
        if files:
            repository.write(files)
            repository.commit("first")
        return repository

    def git(self, *arguments: str) -> str:
        """Run git here."""
        command = ["git", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return os.fsdecode(done.stdout).strip()

    def write(self, files: dict[str, str]) -> None:
        """Write files, with the directories on the way."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def remove(self, *names: str) -> None:
        """Remove files from the work tree."""
        for name in names:
            (self.root / name).unlink()

    def commit(self, message: str = "change") -> str:
        """Commit everything, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.head

    def commit_at(self, message: str, date: str) -> str:
        """Commit everything at a time, and return the commit."""
        self.git("add", "--all")
        env = {**os.environ, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
        command = ["git", "commit", "--quiet", "--message", message]
        subprocess.run(command, cwd=self.root, env=env, check=True)
        return self.head

    @property
    def head(self) -> str:
        """The checked-out commit."""
        return self.git("rev-parse", "HEAD")

    def clone(self, to: Path, *options: str) -> Repository:
        """Clone this repository, over a transport that honours --depth and --filter."""
        self.git("config", "uploadpack.allowAnySHA1InWant", "true")
        self.git("config", "uploadpack.allowFilter", "true")
        self.git("clone", "--quiet", *options, f"file://{self.root}", str(to))
        return Repository(to)


def fingerprint(root: Path) -> dict[str, tuple[int, bytes]]:
    """Everything in a checkout but git's objects: mode and content by name."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.startswith(".git/objects") or (path.is_dir() and not path.is_symlink()):
            continue
        content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        found[name] = (path.lstat().st_mode, content)
    return found
