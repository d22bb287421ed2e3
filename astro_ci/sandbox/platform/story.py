"""Describe a deploy: what it shipped, and what it replaced.

Clients put the commit into the git metadata of a deploy. astro-ci also ends the description with a
marker that has digests: `astro-ci dags=<hex> image=<hex>`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from astro_ci.sandbox.platform.deploys import has_dags, has_image
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord

_MARKER = re.compile(r"\s*astro-ci((?: [a-z]{1,10}=[0-9a-z]{1,40})+)\s*\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a deploy: its commit, and the version of this part that ran before."""

    name: str
    is_brought: bool
    commit: str
    before: str
    """The commit that ran before; empty when it is not known, or when nothing ran."""
    had: bool
    """Whether a version of this part ran before."""
    content: str
    """`same` or `different`, by comparison of digests; empty when a digest is missing."""


def split_description(text: str) -> tuple[str, dict[str, str]]:
    """Split a description into its text and the digests of its marker."""
    found = _MARKER.search(text)
    if not found:
        return text, {}
    pairs = (pair.split("=", 1) for pair in found[1].split())
    return text[: found.start()], dict(pairs)


def commit_of(deploy: DeployRecord) -> str:
    """Return the commit in a deploy's git metadata; empty when there is none."""
    return str((deploy.git or {}).get("commitSha", ""))


def source_of(platform: Platform, deploy: DeployRecord) -> DeployRecord:
    """Find the deploy that a rollback restored; for another deploy, return the deploy itself."""
    seen = {deploy.id}
    while deploy.rollback_from_id:
        targets = [one for one in platform.state.deploys if one.id == deploy.rollback_from_id]
        if not targets or targets[0].id in seen:
            break
        deploy = targets[0]
        seen.add(deploy.id)
    return deploy


def putters(
    platform: Platform, deployment: DeploymentRecord
) -> tuple[DeployRecord | None, DeployRecord | None]:
    """Find the deploys that shipped the running image and the running bundle."""
    # The oldest deploy with this version, because rollbacks show an older deploy's versions again.
    done = [one for one in platform.deploys(deployment)[::-1] if one.status == "DEPLOYED"]
    tag, version = deployment.image_tag, deployment.desired_version
    image = next((d for d in done if has_image(d) and tag and d.image_tag == tag), None)
    if not deployment.is_dag_deploy_enabled:
        return image, image
    brought = (d for d in done if has_dags(d) and version and d.dag_tarball_version == version)
    return image, next(brought, None)


def parts_of(platform: Platform, deployment: DeploymentRecord, deploy: DeployRecord) -> list[Part]:
    """Describe what a deploy shipped, and what it replaced."""
    if deploy.type == "BUNDLE":
        return []
    source = source_of(platform, deploy)
    earlier = _before(platform.deploys(deployment), deploy)
    wanted = (("Image", "image", has_image(source)), ("DAGs", "dags", has_dags(source)))
    return [_part(name, key, source, brought, earlier) for name, key, brought in wanted]


def _part(
    name: str, key: str, source: DeployRecord, brought: bool, earlier: list[DeployRecord]
) -> Part:
    has = has_image if key == "image" else has_dags
    previous = next((one for one in earlier if has(one)), None)
    ours = split_description(source.description)[1].get(key)
    theirs = split_description(previous.description)[1].get(key) if previous else None
    content = ""
    if brought and ours and theirs:
        content = "same" if ours == theirs else "different"
    return Part(
        name=name,
        is_brought=brought,
        commit=commit_of(source) if brought else "",
        before=commit_of(previous) if previous else "",
        had=previous is not None,
        content=content,
    )


def _before(deploys: list[DeployRecord], deploy: DeployRecord) -> list[DeployRecord]:
    """List the deploys before a deploy, newest first."""
    index = next((i for i, one in enumerate(deploys) if one.id == deploy.id), len(deploys))
    return [one for one in deploys[index + 1 :] if one.status == "DEPLOYED"]
