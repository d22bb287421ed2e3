"""The repository that holds the project: its head, its remote, its history."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from astro_ci.errors import GitError, ProjectError
from astro_ci.git.index import GITLINK, list_tree
from astro_ci.git.process import Git
from astro_ci.git.settings import has_header_for, has_password, last_value, remote_urls
from astro_ci.git.snapshot import Commit, Inner, Scope, Snapshot

log = logging.getLogger(__name__)

HEX_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
FETCH_TIMEOUT_SECONDS = 300
ANSWER_TIMEOUT_SECONDS = 30
PROOF_DEPTH = 1000


class GitRepo:
    """A repository with a work tree, and the few questions that we ask it."""

    def __init__(self, git: Git, with_access: Git | None = None) -> None:
        """`with_access` asks a remote that does not take what the checkout left."""
        self.root = git.root
        self._git = git
        self._askers = (git, with_access) if with_access else (git,)
        self._present: set[str] = set()
        self._fetched: dict[str, bool] = {}
        self._came_after: dict[tuple[str, str], bool] = {}

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
        # What git takes for no repository of its own, it looks for further up.
        code, way_up, err = git.look("rev-parse", "--show-cdup")
        if code != 0 or way_up.strip():
            log.debug("git rev-parse: %s", err.strip())
            raise ProjectError(
                f"{root} holds a .git that git does not recognise",
                hint="Check the repository out again.",
            )
        if not access:
            return cls(git)
        with_access, plain = git.with_access(access), cls(git)
        url = plain.remote_url() or ""
        has_credentials = has_header_for(git.settings, url) or has_password(url, git.settings)
        return cls(git, with_access) if has_credentials else cls(with_access)

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
        return Commit(sha=sha, tree=tree, author=author, time=int(time or 0), subject=subject)

    def branch(self) -> str | None:
        """The branch that is checked out; None when HEAD is detached, as in most CI systems."""
        code, out, _ = self._git.run("symbolic-ref", "--quiet", "--short", "HEAD")
        return out.strip() if code == 0 else None

    def remote(self) -> str | None:
        """The name of the remote to fetch from: `origin`, else the only one; None without."""
        names = list(self._remotes)
        if "origin" in names:
            return "origin"
        return names[0] if len(names) == 1 else None

    def remote_url(self) -> str | None:
        """The URL of that remote, as configured. May hold credentials: never show it as it is."""
        return self._remotes.get(self.remote() or "") or None

    @cached_property
    def line_ends(self) -> str:
        """What git made of line ends; empty where files are as they were committed."""
        autocrlf, eol = (last_value(self._git.settings, f"core.{n}") for n in ("autocrlf", "eol"))
        if (autocrlf or "").lower() != "true" and (eol or "").lower() != "crlf":
            return ""
        # It may have been set after the checkout. This reads every file, so it comes last.
        code, out, _ = self._git.run("ls-files", "-z", "--eol")
        is_crlf = any(line.split()[:2] == ["i/lf", "w/crlf"] for line in out.split("\0"))
        return "crlf" if code or is_crlf else ""

    @cached_property
    def _remotes(self) -> dict[str, str]:
        return remote_urls(self._git.settings)

    def relative(self, path: Path) -> str | None:
        """A path as git names it: from the repository root, with `/`, empty for the root itself.

        None when it lies outside the repository.
        """
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(self.root):
            return None
        relative = real.relative_to(self.root).as_posix()
        return "" if relative == "." else relative

    # --- history ----------------------------------------------------------------------------

    def has_commit(self, sha: str) -> bool:
        """Whether a commit is in this clone."""
        if sha not in self._present and HEX_COMMIT.fullmatch(sha):
            if self._git.code("cat-file", "-e", f"{sha}^{{commit}}") != 0:
                return False
            self._present.add(sha)
        return sha in self._present

    def resolve(self, ref: str) -> str | None:
        """The commit that a user's words name (a branch, a tag, `HEAD~1`), or None."""
        code, out, _ = self._git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
        return out.strip() if code == 0 else None

    def remote_tip(self, branch: str) -> str | None:
        """The newest commit of a remote's branch, as far as the clone has heard of it."""
        return self.resolve(f"refs/remotes/{self.remote()}/{branch}")

    def tree_of(self, commit: str) -> str | None:
        """The tree of a commit; None when the clone does not have it."""
        code, out, _ = self._git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
        return out.strip() if code == 0 else None

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

    def _open_inner(self, path: str) -> GitRepo:
        """Open a repository that lies within this one."""
        return GitRepo.open(self.root / path, self._git.env, checkout=self._git.checkout)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether history proves that one commit led to another. A shallow clone proves little."""
        if not (HEX_COMMIT.fullmatch(ancestor) and HEX_COMMIT.fullmatch(descendant)):
            return False
        return self._git.code("merge-base", "--is-ancestor", ancestor, descendant) == 0

    def merge_base(self, commit: str, other: str) -> str | None:
        """Where two histories part; None when the clone does not hold it."""
        code, out, _ = self._git.run("merge-base", "--end-of-options", commit, other)
        return out.strip() if code == 0 else None

    def was_committed_on(self, base: str) -> bool:
        """Whether the checked-out commit was made in this clone, on top of that one."""
        ask = ("log", "--walk-reflogs", "--max-count=100", "--format=%H%x00%gs", "HEAD", "--")
        for line in self._git.run(*ask)[1].splitlines():
            sha, _, how = line.partition("\0")
            if sha == base:
                return True
            if not how.startswith("commit"):
                return False
        return False

    def superproject(self) -> Path | None:
        """The work tree that has this one as a submodule."""
        code, out, _ = self._git.run("rev-parse", "--show-superproject-working-tree")
        return Path(out.removesuffix("\n")) if code == 0 and out.strip() else None

    def came_after(self, commit: str, head: str) -> bool:
        """Whether a commit provably descends from the checked-out one.

        A commit that is not in the clone is fetched. A shallow clone is deepened for the proof, but
        only when the commits' dates suggest it: what runs is nearly always older than what is
        about to be deployed.
        """
        if (commit, head) not in self._came_after:
            self._came_after[commit, head] = self._find_whether_after(commit, head)
        return self._came_after[commit, head]

    def _find_whether_after(self, commit: str, head: str) -> bool:
        if self.is_ancestor(head, commit):
            return True
        remote = self.remote()
        if remote is None or not (self.has_commit(commit) or self.fetch_commit(commit)):
            return False
        if not self.is_shallow():
            return self.is_ancestor(head, commit)
        if self._time_of(commit) < self._time_of(head):
            return False
        return self._fetch(f"--depth={PROOF_DEPTH}", remote, commit) and self.is_ancestor(
            head, commit
        )

    def _time_of(self, commit: str) -> int:
        return int(self._git.out("log", "-1", "--format=%ct", commit).strip() or 0)

    def is_shallow(self) -> bool:
        """Whether history was cut off when the repository was cloned."""
        return self._git.out("rev-parse", "--is-shallow-repository").strip() == "true"

    def reaches_remote(self) -> bool:
        """Whether the remote answers, and lets itself be read. Fetches nothing."""
        remote = self.remote()
        if remote is None:
            return False
        words = ("ls-remote", "--quiet", remote, "HEAD")
        return self._ask(*words, timeout_seconds=ANSWER_TIMEOUT_SECONDS)[0] == 0

    def fetch_commit(self, sha: str) -> bool:
        """Bring one missing commit into the clone; False when it cannot be had.

        A shallow clone gets that commit alone (servers allow it for what their refs reach), and
        only where a server refuses, more and more of its history.
        """
        if sha not in self._fetched:
            self._fetched[sha] = self._fetch_missing(sha)
        return self._fetched[sha]

    def _fetch_missing(self, sha: str) -> bool:
        remote = self.remote()
        if remote is None or not HEX_COMMIT.fullmatch(sha):
            return False
        if not self.is_shallow():
            return self._fetch(remote, sha) and self.has_commit(sha)
        if self._fetch("--depth=1", remote, sha) and self.has_commit(sha):
            return True
        # Named one by one, and mapped to nothing: the clone's own refs stay where they are.
        branches = "\n".join(self._refs_of(remote, "refs/heads/*"))
        for deepen in ("--deepen=50", "--deepen=1000", "--unshallow"):
            if not self._fetch("--refmap=", "--stdin", deepen, remote, stdin=branches):
                return False
            if self.has_commit(sha):
                return True
        return False

    def find_remote(self, name: str) -> str | None:
        """The commit that a branch or tag of the remote names; None without one."""
        remote = self.remote()
        if remote is None or not name or set(name) & set("*?[\\: \n"):
            return None
        wanted = (f"refs/heads/{name}", f"refs/tags/{name}^{{}}", f"refs/tags/{name}")
        found = self._refs_of(remote, f"refs/heads/{name}", f"refs/tags/{name}*")
        return next((found[ref] for ref in wanted if ref in found), None)

    def _refs_of(self, remote: str, *patterns: str) -> dict[str, str]:
        """The remote's refs, and what each names; none when it cannot be asked."""
        code, out, _ = self._ask(
            *("ls-remote", "--quiet", "--end-of-options", remote, *patterns),
            timeout_seconds=FETCH_TIMEOUT_SECONDS,
        )
        lines = out.splitlines() if code == 0 else []
        return {ref: sha for sha, _, ref in (line.partition("\t") for line in lines)}

    # --- the shipped tree -------------------------------------------------------------------

    @contextlib.contextmanager
    def snapshot(
        self,
        scopes: Sequence[str],
        *,
        with_ignored: Sequence[str] = (),
        counts_ignored: Callable[[str], bool] = lambda _path: True,
        excludes: Callable[[str], bool] = lambda _path: False,
    ) -> Iterator[Snapshot]:
        """Make a git tree of the work tree as it is, for as long as the context lasts.

        `scopes` are directories to look for uncommitted and untracked files in. Under
        `with_ignored`, files that git ignores count too if `counts_ignored` says so. `excludes`
        names the paths that never ship. The tree lives in a store of its own, deleted at the end.
        """
        scope = Scope(
            paths=scopes,
            with_ignored=with_ignored,
            counts_ignored=counts_ignored,
            excludes=excludes,
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
            Snapshot(self._git, Path(scratch), scope, take_inner) as snapshot,
        ):
            yield snapshot

    def _ask(
        self, *arguments: str, stdin: bytes | None = None, timeout_seconds: float
    ) -> tuple[int, str, str]:
        """Run a git that talks to the remote."""
        command, *rest = arguments
        # No setting replaces what the configuration names, and only the flag does.
        flags = ("--upload-pack=git-upload-pack",) if self._git.closed.has_upload_pack else ()
        for git in self._askers:
            words = (command, *flags, *rest)
            code, out, err = git.run(*words, stdin=stdin, timeout_seconds=timeout_seconds)
            if code == 0:
                break
        return code, out, err

    def _fetch(self, *arguments: str, stdin: str | None = None) -> bool:
        code, _, err = self._ask(
            *("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head"),
            *arguments,
            stdin=None if stdin is None else os.fsencode(stdin),
            timeout_seconds=FETCH_TIMEOUT_SECONDS,
        )
        if code != 0:
            log.debug("git fetch %s: %s", " ".join(arguments), err.strip())
        return code == 0
