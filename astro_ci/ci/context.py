"""The facts about the run from the CI system."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from astro_ci.ci.lookup import Sourced


class RunFacts(Struct, frozen=True, kw_only=True):
    """The values of one CI system's variables, each with its source; None for a missing value."""

    event: Sourced[str] | None = None
    head: Sourced[str] | None = None
    branch: Sourced[str] | None = None
    tag: Sourced[str] | None = None
    before: Sourced[str] | None = None
    before_is_previous_run: Sourced[bool] | None = None
    pull_request: Sourced[str] | None = None
    base_branch: Sourced[str] | None = None
    base_sha: Sourced[str] | None = None
    run_url: Sourced[str] | None = None
    repository_url: Sourced[str] | None = None
    is_fork_pull_request: Sourced[bool] | None = None


class CIContext(Struct, frozen=True, kw_only=True):
    """The run in the CI system's description. None stands for a missing or unusable value."""

    system: str
    """The name in texts: `GitHub Actions`, ..., `none`."""
    key: str
    """The name in code: `github`, ..., `none`."""
    event: str | None = None
    """The event that started the run, in the system's own word."""
    head: str | None = None
    """The newest commit of the run's branch, tag or pull request.

    This is only for information, because the work tree is deployed. Some systems check out a
    synthetic merge commit for a pull request, which is in no branch; this field is never such a
    commit, and is None when the system names no other. The head of a merged pull request is its
    commit on the base branch.
    """
    branch: str | None = None
    """The branch; for a pull request its own branch, not the target branch; None for tags."""
    tag: str | None = None
    before: str | None = None
    """The commit of the branch before this push, or at its previous run.

    Only branches of some systems have this commit. After a force-push it may be missing in the
    history, which git finds out.
    """
    before_is_previous_run: bool = False
    """Whether `before` is the previous run's commit, which may be newer if a run is repeated."""
    pull_request: str | None = None
    """The number that users see (GitLab's `iid`)."""
    base_branch: str | None = None
    base_sha: str | None = None
    """A commit of the base branch: on GitLab and Travis the branching point, elsewhere the tip."""
    run_url: str | None = None
    repository_url: str | None = None
    """The URL without user, password, query and fragment."""
    is_fork_pull_request: bool = False
    """Whether the pull request surely comes from another repository, which usually means that the
    job gets no secrets."""
    base_override: str | None = None
    """A commit or ref from ASTRO_CI_BASE, which is never an option, and may not exist."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """The source of each field: a variable (`GITHUB_SHA`) or an event key (`event.before`)."""
    history_hint: str
    """How to get the full history on this system: a clause without a capital."""
    secret_hint: str
    """How to give a job ASTRO_API_TOKEN on this system: a whole sentence, for an error's hint."""
    concurrency_hint: str
    """How to let jobs wait for each other on this system: a whole sentence."""

    def __hash__(self) -> int:
        """Hash the values without their sources, because a mapping has no hash."""
        return hash((self.key, self.event, self.head, self.branch, self.tag, self.pull_request))
