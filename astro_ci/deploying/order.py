"""Find the deploy that runs, and a newer deployed commit that does not run.

Two jobs can finalize in either order, whatever the order of their commits. After the last job, the
newest commit must run, or a job must fail. Therefore each job reads the deploy history at its end,
and examines the deploys that went live since the job began.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import Struct

from astro_ci.ci import CIContext
from astro_ci.git import GitRepo
from astro_ci.model import Deploy, Deployment, Part
from astro_ci.planning.running import Ours, commit_of, put_bundle, put_image

IsNewer = Callable[[str, str], bool]
"""A function that tells whether the first commit provably came after the second."""

_TYPES: Mapping[Part, Collection[str]] = {
    Part.IMAGE: ("IMAGE_AND_DAG", "IMAGE_ONLY"),
    Part.DAGS: ("IMAGE_AND_DAG", "DAG_ONLY"),
}


class Known(Struct, frozen=True, kw_only=True):
    """The newest deploys of a Deployment before this run created its deploy."""

    ids: frozenset[str] = frozenset()
    deployed: frozenset[str] = frozenset()
    oldest: str = ""
    """The id of the oldest deploy that was read; empty when there was none."""

    @classmethod
    def of(cls, newest: Sequence[Deploy]) -> Known:
        """Take the first page of the history."""
        return cls(
            ids=frozenset(deploy.id for deploy in newest),
            deployed=frozenset(deploy.id for deploy in newest if deploy.status == "DEPLOYED"),
            oldest=newest[-1].id if newest else "",
        )

    def recent(self, deploys: Iterable[Deploy]) -> list[Deploy]:
        """Return the deploys, newest first, up to and including the oldest known deploy."""
        found = []
        for deploy in deploys:
            found.append(deploy)
            if deploy.id == self.oldest:
                break
        return found


class Commits(Struct, frozen=True, kw_only=True):
    """The commits of deploys, and their known order."""

    heads: Mapping[Part, str | None]
    """The commits of this run's deploy, even when uncommitted files shipped too; None for an image
    from an unknown commit."""
    ours: Ours
    is_newer: IsNewer

    def of(self, deploy: Deploy, part: Part, *, ours: str) -> str | None:
        """Return the commit of a part of this project's deploy, if its place is certain, else None.

        A rollback gives None, because a person chose that commit regardless of newer commits.
        """
        if deploy.id == ours:
            return self.heads[part]
        if deploy.rollback_from_id:
            return None
        return commit_of(deploy, self.ours, part)[0]


class Behind(Struct, frozen=True, kw_only=True):
    """The running commit is older than the newest deployed commit."""

    running: Deploy
    newest: Deploy


class Verdict(Struct, frozen=True, kw_only=True):
    """The comparison of this run's deploy with the deploys that went live since the run began."""

    replaced_by: Deploy | None = None
    """The deploy that replaced this run's deploy, or None."""
    behind: Behind | None = None
    """The newer deploy that does not run; None when the running commit is the newest known."""


def stand(
    ours: Deploy,
    deployment: Deployment,
    recent: Sequence[Deploy],
    known: Known,
    *,
    brought: Collection[Part],
    claimed: Collection[Part],
    commits: Commits,
) -> Verdict:
    """Compare `ours` with the other deploys. Pure, except for asking which commit is newer.

    `brought` are the parts that `ours` shipped; `claimed` also includes the parts that its Plan
    found up to date.
    """
    went_live = [
        deploy
        for deploy in recent
        if deploy.status == "DEPLOYED" and (deploy.id == ours.id or deploy.id not in known.deployed)
    ]
    if {deploy.id for deploy in went_live} <= {ours.id}:
        return Verdict()
    replaced_by = None
    for part in claimed:
        running = _running(part, deployment, recent)
        if running is None or running not in went_live:
            continue  # this deploy ran before, and still runs
        if running.id != ours.id and part in brought:
            replaced_by = running
        rivals = [d for d in went_live if _has(d, part) or (d.id == ours.id and part in claimed)]
        if newest := _newest_after(running, rivals, ours, part, commits):
            return Verdict(replaced_by=replaced_by, behind=Behind(running=running, newest=newest))
    return Verdict(replaced_by=replaced_by)


def order_of(repo: GitRepo, ci: CIContext, head: str, *, allow_older: bool) -> IsNewer:
    """Make a function that asks git which commit is newer, and fetches missing commits.

    No commit counts as newer than the checked-out commit when an older commit is deployed on
    purpose: with --allow-older, or after a push that moved the branch back to it.
    """
    moved_from = ci.before if not ci.before_is_previous_run and ci.head in (None, head) else None

    def is_newer(commit: str, other: str) -> bool:
        is_meant = other == head and (allow_older or commit == moved_from)
        if commit == other or is_meant:
            return False
        has_both = all(repo.has_commit(one) or repo.fetch_commit(one) for one in (commit, other))
        return has_both and repo.came_after(commit, other)

    return is_newer


def _running(part: Part, deployment: Deployment, recent: Sequence[Deploy]) -> Deploy | None:
    """Return the deploy that brought the part that is running or being rolled out."""
    put = put_bundle if part is Part.DAGS and deployment.is_dag_deploy_enabled else put_image
    return next((deploy for deploy in recent if put(deploy, deployment)), None)


def _has(deploy: Deploy, part: Part) -> bool:
    return deploy.type in _TYPES[part]


def _newest_after(
    running: Deploy, rivals: Sequence[Deploy], ours: Deploy, part: Part, commits: Commits
) -> Deploy | None:
    """Return the deploy with the newest commit, if newer than the running commit; else None."""
    base = commits.of(running, part, ours=ours.id)
    if base is None:
        return None
    newest, newest_commit = None, base
    for rival in sorted(rivals, key=lambda rival: rival.id != ours.id):  # this run's deploy first
        commit = commits.of(rival, part, ours=ours.id)
        if commit and commits.is_newer(commit, newest_commit):
            newest, newest_commit = rival, commit
    return newest
