"""Where a deploy's code came from, as Astro's deploy history shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.git import Commit
from astro_ci.model import DeployGit, Digests, Plan
from astro_ci.planning.marker import describe
from astro_ci.remote import (
    commit_url,
    github_repository,
    without_credentials,
)
from astro_ci.reporting.redact import Redactor
from astro_ci.survey.survey import Survey
from astro_ci.text import printable, short, shorten

_SUBJECT_CHARACTERS = 100


def deploy_git(survey: Survey, shipped: Digests, redact: Redactor) -> DeployGit | None:
    """The commit that is shipped; None when something else is: a dirty tree is no commit."""
    checkout = survey.checkout
    if survey.plan.dirty or shipped != survey.differences.digests:
        return None
    url = without_credentials(checkout.remote_url or f"file://{checkout.repo.root}")
    if not url:
        return None  # a remote that cannot be read is no address to send
    github = github_repository(url)
    account, repo = github or ("", "")
    return DeployGit(
        provider="GITHUB" if github else "GENERIC",
        account=account,
        repo=repo,
        remote_url="" if github else url,
        commit_sha=checkout.head.sha,
        branch=redact.field("branch", _branch(checkout.ci) or checkout.repo.branch() or ""),
        path=checkout.layout.project,
        author_name=redact(printable(checkout.head.author)),
        commit_url=commit_url(url, checkout.head.sha, kind=checkout.host_kind),
        before_commit_sha=survey.plan.base.image or survey.plan.base.dags or "",
    )


def description(
    config: Config,
    survey: Survey,
    shipped: Digests,
    git: DeployGit | None,
    redact: Redactor,
    *,
    overridden: Sequence[str] = (),
) -> str:
    """The user's description, or the commit's title; what was overridden; and our marker."""
    checkout = survey.checkout
    title = shorten(redact(printable(checkout.head.subject)), _SUBJECT_CHARACTERS)
    dirty = ", with uncommitted changes" if survey.plan.dirty else ""
    own = f"{title} ({short(checkout.head.sha)}{dirty})"
    if checkout.ci.run_url:
        own = f"{own} {checkout.ci.run_url}"
    forced = f"[forced past {', '.join(overridden)}] " if overridden else ""
    return describe(forced + redact(config.description or own), shipped, git)


def image_labels(plan: Plan, head: Commit, remote_url: str | None) -> dict[str, str]:
    """The labels of the OCI image specification that say where an image came from."""
    labels = {
        "org.opencontainers.image.revision": f"{plan.head}-dirty" if plan.dirty else plan.head,
        "org.opencontainers.image.created": datetime.fromtimestamp(head.time, UTC).isoformat(),
    }
    if remote_url:
        labels["org.opencontainers.image.source"] = without_credentials(remote_url)
    return labels


def _branch(ci: CIContext) -> str | None:
    return ci.branch or ci.tag
