"""The repository of the project: its head, its files, and the files to deploy."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from astro_ci.errors import GitError, ProjectError
from astro_ci.git.history import Commit, History
from astro_ci.git.index import GITLINK, list_tree
from astro_ci.git.places import Places
from astro_ci.git.process import Git
from astro_ci.git.remote import Remote
from astro_ci.git.scope import Inner, Scope
from astro_ci.git.settings import has_header_for, has_password, last_value
from astro_ci.git.snapshot import Snapshot

log = logging.getLogger(__name__)


class GitRepo(History):
    """A repository with a work tree, and the questions that astro-ci asks about it."""

    def __init__(self, git: Git, places: Places, remote: Remote) -> None:
        """Take the values that `open` found."""
        super().__init__(git, places, remote)
        self.root = git.root

    @classmethod
    def open(
        cls,
        directory: Path,
        env: Mapping[str, str],
        access: Mapping[str, str] | None = None,
        *,
        checkout: Path | None = None,
    ) -> GitRepo:
        """Open the repository that holds a directory.

        `env` is the environment that git inherits. `access` holds variables with credentials for
        the remote, in case the checkout has none. `checkout` is the outermost work tree, if this
        repository is nested. Raises ProjectError when no repository holds the directory, GitError
        when git is missing.
        """
        start = Path(os.path.realpath(directory))
        root = next((p for p in (start, *start.parents) if (p / ".git").exists()), None)
        if root is None:
            raise ProjectError(
                f"{directory} is not in a git repository",
                hint="Run in a git checkout: the plan compares what is deployed with the commit "
                "that is checked out.",
            )
        git = Git(root, env, checkout=checkout)
        places = Places.find(git)
        if not access:
            return cls(git, places, Remote(git))
        with_access, url = git.with_access(access), Remote(git).url or ""
        if has_header_for(git.settings, url) or has_password(url, git.settings):
            return cls(git, places, Remote(git, with_access))
        return cls(with_access, places, Remote(with_access))

    # --- identity ---------------------------------------------------------------------------

    def head(self) -> Commit:
        """Describe the checked-out commit. Raises ProjectError when there is no commit yet."""
        ask = ("log", "-1", "--format=%H%x00%T%x00%an%x00%ct%x00%s", "--encoding=UTF-8")
        code, fields, _ = self._git.run(*ask)
        if code != 0:
            if self._git.code("rev-parse", "--verify", "--quiet", "HEAD^{commit}") != 0:
                raise ProjectError(
                    f"the repository at {self.root} has no commit yet",
                    hint="Commit the project first.",
                )
            fields = self._git.out(*ask)
        sha, tree, author, time, subject = fields.rstrip("\n").split("\0", 4)
        self._head = sha
        self._present.add(sha)
        return Commit(sha=sha, tree=tree, author=author, time=int(time or 0), subject=subject)

    def branch(self) -> str | None:
        """Return the checked-out branch; None when HEAD is detached, as in most CI systems."""
        return self._places.branch

    def remote_url(self) -> str | None:
        """Return the remote's configured URL. It may hold credentials: never print it unchanged."""
        return self._remote.url

    def reaches_remote(self) -> bool:
        """Whether the remote answers and allows reading. This fetches nothing."""
        return self._remote.answers()

    @cached_property
    def line_ends(self) -> str:
        """Return the setting by which git converted line ends; "" when git converted none."""
        autocrlf, eol = (last_value(self._git.settings, f"core.{n}") for n in ("autocrlf", "eol"))
        if (autocrlf or "").lower() != "true" and (eol or "").lower() != "crlf":
            return ""
        # The setting may be newer than the checkout, so the files decide. This reads every file.
        code, out, _ = self._git.run("ls-files", "-z", "--eol")
        is_crlf = any(line.split()[:2] == ["i/lf", "w/crlf"] for line in out.split("\0"))
        return "crlf" if code or is_crlf else ""

    def relative(self, path: Path) -> str | None:
        """Return a path relative to the repository root, with `/`; empty for the root itself.

        None when the path is outside the repository.
        """
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self.root):
            return None
        relative = real.relative_to(self.root).as_posix()
        return "" if relative == "." else relative

    # --- files ------------------------------------------------------------------------------

    def files_at(self, commit: str, directory: str) -> list[str] | None:
        """List the paths below a directory at a commit, including files of submodules.

        None when git cannot list them, for example when a submodule is not checked out.
        """
        try:
            lines = list_tree(self._git, commit, [directory])
        except GitError as error:
            log.debug("%s", error)
            return None
        found: list[str] = []
        for line in lines:
            meta, _, path = line.partition("\t")
            if not line.startswith(GITLINK):
                found.append(path)
                continue
            if not (self.root / path / ".git").exists():
                return None
            inner = self._open_inner(path)
            below = inner.files_at(meta.split(" ")[1], "")
            if below is None:
                return None
            found += (f"{path}/{name}" for name in below)
        return found

    def lines_at(self, commit: str, directories: Sequence[str]) -> list[str] | None:
        """List the files of a commit in the format of `git ls-files --stage`.

        None when git cannot tell.
        """
        try:
            found = list_tree(self._git, commit, directories)
        except GitError as error:
            log.debug("%s", error)
            return None
        return sorted(found, key=lambda line: os.fsencode(line.partition("\t")[2]))

    def _open_inner(self, path: str) -> GitRepo:
        """Open a repository that is nested in this repository."""
        return GitRepo.open(self.root / path, self._git.env, checkout=self._git.checkout)

    def superproject(self) -> Path | None:
        """Return the work tree that has this repository as a submodule; None when there is none."""
        code, out, _ = self._git.run("rev-parse", "--show-superproject-working-tree")
        return Path(out.removesuffix("\n")) if code == 0 and out.strip() else None

    # --- the shipped tree -------------------------------------------------------------------

    @contextlib.contextmanager
    def snapshot(
        self,
        scopes: Sequence[str],
        *,
        with_ignored: Sequence[str] = (),
        counts_ignored: Callable[[str], bool] = lambda _path: True,
        excludes: Callable[[str], bool] = lambda _path: False,
        needs_tree: bool = True,
    ) -> Iterator[Snapshot]:
        """Make a git tree of the work tree, which exists until the context ends.

        `scopes` are the directories to search for uncommitted and untracked files. Under
        `with_ignored`, files that git ignores count too when `counts_ignored` accepts them.
        `excludes` selects the paths that never ship. The tree is in a private object store, which
        is deleted at the end. Without `needs_tree`, only `read` may be called.
        """
        scope = Scope(
            paths=scopes,
            with_ignored=with_ignored,
            counts_ignored=counts_ignored,
            excludes=excludes,
            needs_tree=needs_tree,
        )
        with self._snapshot(scope) as snapshot:
            yield snapshot

    @contextlib.contextmanager
    def _snapshot(self, scope: Scope) -> Iterator[Snapshot]:
        def take_inner(path: str, commit: str | None) -> Inner:
            repo = self._open_inner(path)
            with repo._snapshot(scope.inside(path)) as taken:
                return Inner(
                    tree=taken.tree,
                    identity=taken.identity,
                    recorded=repo.tree_of(commit) if commit else None,
                    empty_submodules=taken.empty_submodules,
                )

        with (
            tempfile.TemporaryDirectory(prefix="astro-ci-git-") as scratch,
            Snapshot(self._git, self._places, Path(scratch), scope, take_inner) as snapshot,
        ):
            yield snapshot
