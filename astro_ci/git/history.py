"""Ask which commits the clone has and which is an ancestor of which; fetch missing commits."""

from __future__ import annotations

from msgspec import Struct

from astro_ci.git.places import Places
from astro_ci.git.process import Git
from astro_ci.git.remote import Remote
from astro_ci.text import Regex

HEX_COMMIT = Regex(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
PROOF_DEPTH = 1000


class Commit(Struct, frozen=True, kw_only=True):
    """The checked-out commit. `time` is the committer's time, in seconds since 1970."""

    sha: str
    tree: str
    author: str
    time: int
    subject: str


class History:
    """The commits of a clone, and the commits that can be fetched from its remote."""

    def __init__(self, git: Git, places: Places, remote: Remote) -> None:
        """Store the arguments; git is started only when a question needs it."""
        self._git = git
        self._places = places
        self._remote = remote
        self._head = ""
        self._present: set[str] = set()
        self._fetched: dict[str, bool] = {}
        self._came_after: dict[tuple[str, str], bool] = {}
        self._led_to: dict[tuple[str, str], bool] = {}

    def is_shallow(self) -> bool:
        """Whether the clone is shallow."""
        return self._places.shallow.exists()

    def has_commit(self, sha: str) -> bool:
        """Whether a commit is in this clone."""
        if sha not in self._present and HEX_COMMIT.fullmatch(sha):
            # git answers about ancestors only when the clone has both commits. The planner asks
            # this question about the running commit anyway.
            is_known = bool(self._head) and self._leads_to(self._head, sha) is not None
            if not is_known and self._git.code("cat-file", "-e", f"{sha}^{{commit}}") != 0:
                return False
            self._present.add(sha)
        return sha in self._present

    def resolve(self, ref: str) -> str | None:
        """Return the commit that a user's ref names (a branch, a tag, `HEAD~1`), or None."""
        code, out, _ = self._git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
        )
        return out.strip() if code == 0 else None

    def remote_tip(self, branch: str) -> str | None:
        """Return the newest commit of a remote's branch that the clone knows."""
        return self.resolve(f"refs/remotes/{self._remote.name}/{branch}")

    def tree_of(self, commit: str) -> str | None:
        """Return the tree of a commit; None when the clone does not have the commit."""
        code, out, _ = self._git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
        return out.strip() if code == 0 else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether the clone's history proves that one commit is an ancestor of another.

        A shallow clone can prove less.
        """
        if not (HEX_COMMIT.fullmatch(ancestor) and HEX_COMMIT.fullmatch(descendant)):
            return False
        return self._leads_to(ancestor, descendant) is True

    def merge_base(self, commit: str, other: str) -> str | None:
        """Return the merge base of two commits; None when the clone's history has none."""
        code, out, _ = self._git.run("merge-base", "--end-of-options", commit, other)
        return out.strip() if code == 0 else None

    def was_committed_on(self, base: str) -> bool:
        """Whether the checked-out commit was created in this clone, on top of `base`."""
        ask = ("log", "--walk-reflogs", "--max-count=100", "--format=%H%x00%gs", "HEAD", "--")
        for line in self._git.run(*ask)[1].splitlines():
            sha, _, how = line.partition("\0")
            if sha == base:
                return True
            if not how.startswith("commit"):
                return False
        return False

    def came_after(self, commit: str, head: str) -> bool:
        """Whether `commit` provably descends from `head`.

        A commit that is not in the clone is fetched. A shallow clone is deepened for the proof only
        when `commit` is not dated before `head`: the running commit is nearly always older than
        the commit to deploy.
        """
        if (commit, head) not in self._came_after:
            self._came_after[commit, head] = self._find_whether_after(commit, head)
        return self._came_after[commit, head]

    def find_remote(self, name: str) -> str | None:
        """Return the commit of a branch or tag on the remote; None when there is no such ref."""
        return self._remote.find(name)

    def fetch_commit(self, sha: str) -> bool:
        """Fetch one missing commit into the clone; False when it cannot be fetched.

        A shallow clone fetches only that commit, which servers allow when one of their refs reaches
        the commit. When the server refuses, the clone fetches more and more history.
        """
        if sha not in self._fetched:
            self._fetched[sha] = bool(HEX_COMMIT.fullmatch(sha)) and self._fetch_missing(sha)
        return self._fetched[sha]

    def _leads_to(self, ancestor: str, descendant: str) -> bool | None:
        """Whether one commit is an ancestor of another; None when the clone lacks a commit."""
        pair = (ancestor, descendant)
        if pair not in self._led_to:
            code = self._git.code("merge-base", "--is-ancestor", ancestor, descendant)
            if code not in (0, 1):
                return None
            self._led_to[pair] = code == 0
        return self._led_to[pair]

    def _find_whether_after(self, commit: str, head: str) -> bool:
        if self.is_ancestor(head, commit):
            return True
        if self._remote.name is None or not (self.has_commit(commit) or self.fetch_commit(commit)):
            return False
        if not self.is_shallow():
            return self.is_ancestor(head, commit)
        if self._time_of(commit) < self._time_of(head):
            return False
        return self._fetch(f"--depth={PROOF_DEPTH}", commit=commit) and self.is_ancestor(
            head, commit
        )

    def _time_of(self, commit: str) -> int:
        return int(self._git.out("log", "-1", "--format=%ct", commit).strip() or 0)

    def _fetch_missing(self, sha: str) -> bool:
        if not self.is_shallow():
            return self._fetch(commit=sha) and self.has_commit(sha)
        if self._fetch("--depth=1", commit=sha) and self.has_commit(sha):
            return True
        # Each branch is named without a destination, so the clone's own refs do not change.
        branches = "\n".join(self._remote.refs("refs/heads/*"))
        for deepen in ("--deepen=50", "--deepen=1000", "--unshallow"):
            if not self._fetch("--refmap=", "--stdin", deepen, refs=branches):
                return False
            if self.has_commit(sha):
                return True
        return False

    def _fetch(self, *options: str, commit: str = "", refs: str | None = None) -> bool:
        self._led_to.clear()  # answers may change with more history
        return self._remote.fetch(*options, commit=commit, refs=refs)
