"""What runs, read from the deploy history: the deploys that put the running image and DAGs there.

Pure. Matched by what runs (image tag, bundle version), not by recency, so that rollbacks and
interleaved DAG-only deploys come out right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from astro_ci.model import Deploy, Deployment
from astro_ci.remote import deploy_identity

_MARKER = re.compile(r"astro-ci dags=(?P<dags>[0-9a-f]{16}) image=(?P<image>[0-9a-f]{16})\s*$")
DESCRIPTION_LIMIT = 500
NO_DIGEST = "0" * 16
"""Stands for content that is not known, and so is never the same as any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """What is shipped, as 16 hexadecimal digits for each side."""

    dags: str
    image: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What is known of one side, image or DAGs, of what runs.

    `commit` and `digest` are None where the deploy does not tell; `unknown` says why, as the end
    of a sentence, when neither is there.
    """

    deploy_id: str | None = None
    commit: str | None = None
    digest: str | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatRuns:
    """Both sides of what runs."""

    image: Running
    dags: Running


def describe(text: str, digests: Digests) -> str:
    """Put our marker at the end of the user's text, which is cut to the API's limit."""
    marker = f"astro-ci dags={digests.dags} image={digests.image}"
    room = DESCRIPTION_LIMIT - len(marker) - 1
    return f"{text[:room].rstrip()} {marker}".lstrip()


def description_room() -> int:
    """How many characters of a description are the user's."""
    return DESCRIPTION_LIMIT - len(describe("", Digests(dags=NO_DIGEST, image=NO_DIGEST))) - 1


def read_marker(description: str) -> Digests | None:
    """The digests at the end of a description of ours; None in anyone else's."""
    found = _MARKER.search(description)
    return Digests(dags=found["dags"], image=found["image"]) if found else None


def what_runs(
    deployment: Deployment, deploys: Iterable[Deploy], *, repository: str | None, project: str
) -> WhatRuns:
    """Find the deploys that put the running image and the running DAGs there.

    `deploys` are newest first and read only as far as needed. `repository` is our repository's
    identity (None: it has no remote, so that no deploy can be told to come from another);
    `project` the project's path in it.
    """
    wants_bundle = deployment.is_dag_deploy_enabled and bool(deployment.running_bundle_version)
    has_deploys = False
    image_deploy: Deploy | None = None
    bundle_deploy: Deploy | None = None
    for deploy in deploys:
        has_deploys = has_deploys or deploy.status == "DEPLOYED"
        if image_deploy is None or image_deploy.rollback_from_id:
            image_deploy = deploy if _put_image(deploy, deployment) else image_deploy
        if wants_bundle and (bundle_deploy is None or bundle_deploy.rollback_from_id):
            bundle_deploy = deploy if _put_bundle(deploy, deployment) else bundle_deploy
        if _is_settled(image_deploy) and (not wants_bundle or _is_settled(bundle_deploy)):
            break

    def side(deploy: Deploy | None, what: str) -> Running:
        if not has_deploys:
            return Running(unknown="nothing has been deployed yet")
        return _running(deploy, what, deployment, repository, project)

    if not deployment.is_dag_deploy_enabled:  # the DAGs are in the image
        return WhatRuns(image=side(image_deploy, "image"), dags=side(image_deploy, "dags"))
    return WhatRuns(image=side(image_deploy, "image"), dags=side(bundle_deploy, "dags"))


def _is_settled(deploy: Deploy | None) -> bool:
    # A rollback only points at what an older deploy brought: the older row tells where from.
    return deploy is not None and not deploy.rollback_from_id


def _put_image(deploy: Deploy, deployment: Deployment) -> bool:
    return (
        deploy.status == "DEPLOYED"
        and deploy.type in ("IMAGE_AND_DAG", "IMAGE_ONLY")
        and bool(deployment.image_tag)
        and deploy.image_tag == deployment.image_tag
    )


def _put_bundle(deploy: Deploy, deployment: Deployment) -> bool:
    return (
        deploy.status == "DEPLOYED"
        and deploy.type in ("IMAGE_AND_DAG", "DAG_ONLY")
        and deploy.dag_tarball_version == deployment.running_bundle_version
    )


def _running(
    deploy: Deploy | None,
    what: str,
    deployment: Deployment,
    repository: str | None,
    project: str,
) -> Running:
    noun = {"image": "the running image", "dags": "the running DAGs"}[what]
    if deploy is None:
        return Running(unknown=f"no deploy in the history put {noun} there")
    if deploy.is_dag_deploy_enabled != deployment.is_dag_deploy_enabled:
        return Running(
            deploy_id=deploy.id,
            unknown=f"DAG-only deploys were switched since deploy {deploy.id} put {noun} there",
        )
    marker = read_marker(deploy.description)
    digest = getattr(marker, what) if marker else None
    commit, why_none = _commit(deploy, repository, project)
    unknown = "" if commit or digest else f"deploy {deploy.id}, which put {noun} there, {why_none}"
    return Running(deploy_id=deploy.id, commit=commit, digest=digest, unknown=unknown)


def _commit(deploy: Deploy, repository: str | None, project: str) -> tuple[str | None, str]:
    """The commit that a deploy came from when it is one of ours, or why there is none."""
    if deploy.git is None:
        return None, "does not say which commit it came from"
    theirs = deploy_identity(deploy.git)
    if repository and theirs and theirs != repository:
        return None, f"came from another repository ({theirs})"
    path = _normal_path(deploy.git.path)
    if path != project:
        return None, f"came from another project path ({path or 'the repository root'})"
    return deploy.git.commit_sha.lower(), ""


def _normal_path(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in ("", "."))
