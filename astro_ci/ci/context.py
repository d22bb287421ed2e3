"""What a CI system says about the run."""

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
    """The run as its CI system describes it. None: absent or unusable."""

    system: str
    """For people: `GitHub Actions`, ..., `none`."""
    key: str
    """For code: `github`, ..., `none`."""
    event: str | None = None
    """What started the run, in the system's own word."""
    head: str | None = None
    """The newest commit of the branch, tag or pull request that the run is about.

    Informational: what is deployed is the working tree. Never the synthetic merge commit that
    some systems check out for a pull request, which is in nobody's history: None, when that is
    all they name. A merged pull request's head is its commit on the base branch.
    """
    branch: str | None = None
    """A pull request's own branch, not the one it would be merged into; None on tags."""
    tag: str | None = None
    before: str | None = None
    """The commit that the branch was at before this push, or at its previous run.

    Only for branches, and only when the system has one. It may be gone from the history (force
    push): git decides.
    """
    before_is_previous_run: bool = False
    """Whether `before` is the previous run's commit, which for a repeated run may be newer."""
    pull_request: str | None = None
    """The number that people use (GitLab's `iid`)."""
    base_branch: str | None = None
    base_sha: str | None = None
    """A commit of the base branch: on GitLab and Travis where the work began, elsewhere its tip."""
    run_url: str | None = None
    repository_url: str | None = None
    """Without user, password, query and fragment."""
    is_fork_pull_request: bool = False
    """The pull request provably comes from another repository, so secrets are usually withheld."""
    base_override: str | None = None
    """A commit or ref from ASTRO_CI_BASE, never an option, not yet looked up."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Field to the variable (`GITHUB_SHA`) or event key (`event.before`) that it came from."""
    history_hint: str
    """How to get the full history on this system: a clause without a capital."""
    secret_hint: str
    """How to give a job ASTRO_API_TOKEN on this system: a whole sentence, for an error's hint."""
    concurrency_hint: str
    """How to let jobs wait for each other on this system: a whole sentence."""

    def __hash__(self) -> int:
        """Hash the values, not their sources: a mapping has no hash."""
        return hash((self.key, self.event, self.head, self.branch, self.tag, self.pull_request))
