"""What can be told of a deploy: what it brought, and what that replaced.

Clients write what they shipped into git metadata and, at the end of a description, into a marker
of digests: `astro-ci dags=<hex> image=<hex>`.
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
    """One part of a deploy: where it came from, and what ran in its place before."""

    name: str
    is_brought: bool
    commit: str
    before: str
    """The commit of what ran before; empty when that is not known, or nothing ran."""
    had: bool
    """Whether anything ran before."""
    content: str
    """`same` or `different`, told by digests; empty when a digest is missing."""


def split_description(text: str) -> tuple[str, dict[str, str]]:
    """Part a description into the words for people and the marker's digests."""
    found = _MARKER.search(text)
    if not found:
        return text, {}
    pairs = (pair.split("=", 1) for pair in found[1].split())
    return text[: found.start()], dict(pairs)


def commit_of(deploy: DeployRecord) -> str:
    """Name the commit that a deploy says it came from; empty when it says none."""
    return str((deploy.git or {}).get("commitSha", ""))


def source_of(platform: Platform, deploy: DeployRecord) -> DeployRecord:
    """Find the deploy that a rollback went back to, or the deploy itself."""
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
    """Find the deploys that put the running image and the running bundle there."""
    # The oldest one: rollbacks show again what an older deploy brought.
    done = [one for one in platform.deploys(deployment)[::-1] if one.status == "DEPLOYED"]
    tag, version = deployment.image_tag, deployment.desired_version
    image = next((d for d in done if has_image(d) and tag and d.image_tag == tag), None)
    if not deployment.is_dag_deploy_enabled:
        return image, image
    brought = (d for d in done if has_dags(d) and version and d.dag_tarball_version == version)
    return image, next(brought, None)


def parts_of(platform: Platform, deployment: DeploymentRecord, deploy: DeployRecord) -> list[Part]:
    """Tell what a deploy brought, and what that replaced."""
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
    """List what was deployed before a deploy, newest first."""
    index = next((i for i, one in enumerate(deploys) if one.id == deploy.id), len(deploys))
    return [one for one in deploys[index + 1 :] if one.status == "DEPLOYED"]
