"""Describe the origin of a deploy's code, for Astro's deploy history."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.requests import NewDeploy
from astro_ci.git import Commit
from astro_ci.model import ApiDeployType, DeployGit, DeployType, Digests
from astro_ci.planning.marker import (
    MADE_BY_REPLACING,
    NO_DIGEST,
    ROOT_LAYOUT,
    Note,
    built_from,
    describe,
)
from astro_ci.remote import (
    commit_url,
    github_repository,
    without_credentials,
)
from astro_ci.reporting.redact import Redactor
from astro_ci.survey.checkout import host_kind
from astro_ci.survey.image import Origin
from astro_ci.survey.survey import Survey
from astro_ci.text import printable, short, shorten, shortened_digest

log = logging.getLogger(__name__)

_SUBJECT_CHARACTERS = 100
_API_TYPES: Mapping[DeployType, ApiDeployType] = {
    DeployType.DAGS: "DAG_ONLY",
    DeployType.IMAGE: "IMAGE_ONLY",
    DeployType.IMAGE_AND_DAGS: "IMAGE_AND_DAG",
}


def new_deploy(
    config: Config,
    survey: Survey,
    deployment_id: str,
    redact: Redactor,
    *,
    overridden: Sequence[str] = (),
) -> NewDeploy:
    """Make the request that creates a deploy; `overridden` are the checks that --force overrode."""
    shipped = shipped_content(survey)
    git = deploy_git(survey, shipped, redact)
    return NewDeploy(
        deployment_id=deployment_id,
        type=_API_TYPES[survey.plan.deploy_type],
        description=description(config, survey, shipped, git, redact, overridden=overridden),
        git=git,
    )


def shipped_content(survey: Survey) -> Digests:
    """Return the digests of the shipped content: as planned, unless a file changed meanwhile.

    After a change the content is unknown, and the marker makes the next run deploy again.
    """
    planned, now = survey.differences.digests, survey.digest_again()
    if now != planned:
        log.warning(
            "files changed during the deploy, so it may contain their old or new versions; the "
            "next run will deploy again"
        )
    return {part: digest if now[part] == digest else NO_DIGEST for part, digest in planned.items()}


def deploy_git(survey: Survey, shipped: Digests, redact: Redactor) -> DeployGit | None:
    """Return the deployed commit; None when uncommitted files ship.

    When nothing of the checkout ships, the prebuilt image's commit is returned.
    """
    checkout, prebuilt = survey.checkout, survey.shipping.prebuilt
    if prebuilt and not survey.plan.deploy_type.parts & survey.shipping.parts:
        return _image_git(survey, prebuilt.origin, redact)
    if survey.plan.dirty or shipped != survey.differences.digests:
        return None
    url = without_credentials(checkout.remote_url or f"file://{checkout.repo.root}")
    return _git(
        url,
        checkout.head.sha,
        branch=redact.field("branch", _branch(checkout.ci) or checkout.repo.branch() or ""),
        path=checkout.layout.project,
        author=redact(printable(checkout.head.author)),
        kind=host_kind(checkout.ci, url),
        before=survey.plan.base.image or survey.plan.base.dags or "",
    )


def _git(
    url: str, commit: str, *, branch: str, path: str, author: str, kind: str, before: str
) -> DeployGit | None:
    if not url:
        return None  # a remote with an unreadable URL is not sent
    github = github_repository(url)
    account, repo = github or ("", "")
    return DeployGit(
        provider="GITHUB" if github else "GENERIC",
        account=account,
        repo=repo,
        remote_url="" if github else url,
        commit_sha=commit,
        branch=branch,
        path=path,
        author_name=author,
        commit_url=commit_url(url, commit, kind=kind),
        before_commit_sha=before,
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
    """Join the user's description or the commit's title, the overridden checks and the marker."""
    checkout = survey.checkout
    title = shorten(redact(printable(checkout.head.subject)), _SUBJECT_CHARACTERS)
    dirty = ", with uncommitted changes" if survey.plan.dirty else ""
    own = f"{title} ({short(checkout.head.sha)}{dirty})"
    if image := survey.plan.image if survey.plan.deploy_type.has_image else None:
        name = f"image {image.reference} ({shortened_digest(image.digest)})"
        is_beside = survey.plan.deploy_type.parts & survey.shipping.parts
        own = f"{own}, {name}" if is_beside else f"{name[:1].upper()}{name[1:]}"
    if checkout.ci.run_url:
        own = f"{own} {checkout.ci.run_url}"
    forced = f"[forced past {', '.join(overridden)}] " if overridden else ""
    return describe(forced + redact(config.description or own), shipped, git, _notes(survey))


def _image_git(survey: Survey, origin: Origin | None, redact: Redactor) -> DeployGit | None:
    """Return the commit of a prebuilt image; None when unknown."""
    checkout = survey.checkout
    if origin is None:
        return None
    url = origin.url or checkout.remote_url or f"file://{checkout.repo.root}"
    is_head = not origin.url and origin.commit == checkout.head.sha
    branch = (_branch(checkout.ci) or checkout.repo.branch() or "") if is_head else ""
    return _git(
        without_credentials(url),
        origin.commit,
        branch=redact.field("branch", branch),
        path="" if origin.url else checkout.layout.project,
        author=redact(printable(checkout.head.author)) if is_head else "",
        kind=host_kind(checkout.ci, url),
        before=survey.plan.base.image or "",
    )


def _notes(survey: Survey) -> dict[Note, str]:
    """Return the notes that the marker holds beside digests."""
    plan, prebuilt = survey.plan, survey.shipping.prebuilt
    notes = {}
    if plan.bundle_layout == ROOT_LAYOUT:
        notes[Note.LAYOUT] = ROOT_LAYOUT
    if prebuilt and plan.deploy_type.has_image:
        notes[Note.BUILT] = built_from(prebuilt.origin.commit if prebuilt.origin else None)
    if plan.fast and plan.fast.is_chosen and plan.deploy_type.has_image:
        notes[Note.MADE] = MADE_BY_REPLACING
    return notes


def image_labels(head: Commit, remote_url: str | None, *, is_dirty: bool) -> dict[str, str]:
    """Return the labels of the OCI image specification for an image's origin."""
    labels = {
        "org.opencontainers.image.revision": f"{head.sha}-dirty" if is_dirty else head.sha,
        "org.opencontainers.image.created": commit_time(head),
    }
    if remote_url:
        labels["org.opencontainers.image.source"] = without_credentials(remote_url)
    return labels


def commit_time(commit: Commit) -> str:
    """Return the time of a commit in the format of OCI documents."""
    return datetime.fromtimestamp(commit.time, UTC).isoformat()


def _branch(ci: CIContext) -> str | None:
    return ci.branch or ci.tag
