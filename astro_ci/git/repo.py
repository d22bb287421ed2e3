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
    """A repository with a work tree, and the few questions that we ask it."""

    def __init__(self, git: Git, places: Places, remote: Remote) -> None:
        """Take what `open` found."""
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

        `env` is what git inherits. `access` holds variables for git commands, in case the checkout
        left no credentials behind. `checkout` is the work tree around this one, if there is one.
        Raises ProjectError when there is none, GitError when git is missing.
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
        """Describe the checked-out commit. Raises ProjectError when there is none yet."""
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
        """The branch that is checked out; None when HEAD is detached, as in most CI systems."""
        return self._places.branch

    def remote_url(self) -> str | None:
        """The URL of the remote, as configured. May hold credentials: never show it as it is."""
        return self._remote.url

    def reaches_remote(self) -> bool:
        """Whether the remote answers and can be read. Fetches nothing."""
        return self._remote.answers()

    @cached_property
    def line_ends(self) -> str:
        """Return git's conversion of line ends; empty where files are as they were committed."""
        autocrlf, eol = (last_value(self._git.settings, f"core.{n}") for n in ("autocrlf", "eol"))
        if (autocrlf or "").lower() != "true" and (eol or "").lower() != "crlf":
            return ""
        # It may have been set after the checkout. This reads every file, so it comes last.
        code, out, _ = self._git.run("ls-files", "-z", "--eol")
        is_crlf = any(line.split()[:2] == ["i/lf", "w/crlf"] for line in out.split("\0"))
        return "crlf" if code or is_crlf else ""

    def relative(self, path: Path) -> str | None:
        """A path as git names it: from the repository root, with `/`, empty for the root itself.

        None when it lies outside the repository.
        """
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self.root):
            return None
        relative = real.relative_to(self.root).as_posix()
        return "" if relative == "." else relative

    # --- files ------------------------------------------------------------------------------

    def files_at(self, commit: str, directory: str) -> list[str] | None:
        """List the paths below a directory at a commit, those of submodules among them.

        None when it cannot be told, as of a submodule that is not checked out.
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
        """List the files of a commit as `git ls-files --stage` lists those that are checked out.

        None when git cannot tell.
        """
        try:
            found = list_tree(self._git, commit, directories)
        except GitError as error:
            log.debug("%s", error)
            return None
        return sorted(found, key=lambda line: os.fsencode(line.partition("\t")[2]))

    def _open_inner(self, path: str) -> GitRepo:
        """Open a repository that lies within this one."""
        return GitRepo.open(self.root / path, self._git.env, checkout=self._git.checkout)

    def superproject(self) -> Path | None:
        """The work tree that has this one as a submodule."""
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
        """Make a git tree of the work tree as it is, for as long as the context lasts.

        `scopes` are directories to look for uncommitted and untracked files in. Under
        `with_ignored`, files that git ignores count too if `counts_ignored` says so. `excludes`
        names the paths that never ship. The tree lives in a store of its own, deleted at the end.
        Without `needs_tree`, the files can be read, and only that.
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
