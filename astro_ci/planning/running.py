"""What is running, from the deploy history: the deploys that brought each running part.

Pure. Deploys are matched by image tag and bundle version, not by recency, so that rollbacks and
interleaved DAG-only deploys come out right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from astro_ci.model import Deploy, Deployment, Part
from astro_ci.planning.marker import PREFIXED_LAYOUT, Note, read_marker, read_notes
from astro_ci.remote import deploy_identity

_NOUNS: Mapping[Part, str] = {Part.IMAGE: "the running image", Part.DAGS: "the running DAGs"}


class Running(Struct, frozen=True, kw_only=True):
    """The known facts about one running part.

    `commit` and `digest` are None where the deploy does not tell; `unknown` says why, as the end
    of a sentence, when neither is there.
    """

    deploy_id: str | None = None
    commit: str | None = None
    digest: str | None = None
    unknown: str = ""
    layout: str = ""
    """How the DAG bundle has its files, `prefixed` or `root`; empty where that is not known."""
    is_built: bool = False
    """Whether astro-ci made the image, instead of deploying one that somebody built."""
    is_nameless: bool = False
    """Whether astro-ci built and shipped it with its DAGs, from a checkout with uncommitted files.

    Such a deploy names no repository, so that it may well be one of this project.
    """

    @property
    def is_assumed(self) -> bool:
        """Whether another client made the deploy, which may have shipped more than its commit."""
        return self.commit is not None and self.digest is None


WhatRuns = Mapping[Part, Running]


class Ours(Struct, frozen=True, kw_only=True):
    """How to recognise a deploy of this project.

    `repository` is our repository's identity (None: it has no remote, so that no deploy can be
    told to come from another); `project` the project's path in it.
    """

    repository: str | None
    project: str


class Overview(Struct, frozen=True, kw_only=True):
    """A Deployment, and the deploys that brought its running parts."""

    deployment: Deployment
    deploys: Mapping[Part, Deploy]
    """By part; a part that no deploy of the history brought is missing."""
    url: str
    """The Deployment's page."""


def what_runs(deployment: Deployment, deploys: Iterable[Deploy], ours: Ours) -> WhatRuns:
    """Find the commits and digests of the running parts.

    `deploys` are newest first and read only as far as needed.
    """
    has_deploys, has_image, newest_layout = False, False, ""

    def watched() -> Iterator[Deploy]:
        nonlocal has_deploys, has_image, newest_layout
        for deploy in deploys:
            has_deploys = has_deploys or deploy.status == "DEPLOYED"
            has_image = has_image or brings_image(deploy)
            newest_layout = newest_layout or layout_of(deploy)
            yield deploy

    found = running_deploys(deployment, watched())
    if not has_deploys:
        return dict.fromkeys(Part, Running(unknown="nothing has been deployed yet"))
    runs = {part: _running(found.get(part), part, deployment, ours) for part in Part}
    if not has_image:  # such as the image that the Deployment was created with
        runs[Part.IMAGE] = Running(unknown="no deploy in the history brought an image")
    # Where no bundle runs, as after DAG-only deploys were switched, the last one there was tells.
    bundle = found.get(Part.DAGS) if deployment.is_dag_deploy_enabled else None
    layout = layout_of(bundle) if bundle else newest_layout
    return {**runs, Part.DAGS: replace(runs[Part.DAGS], layout=layout)}


def layout_of(deploy: Deploy) -> str:
    """Tell how a deploy of ours laid out its DAG bundle; empty where it brought none."""
    notes = read_notes(deploy)
    has_bundle = deploy.status == "DEPLOYED" and bool(deploy.dag_tarball_version)
    if notes is None or not has_bundle or deploy.type == "IMAGE_ONLY":
        return ""
    return notes.get(Note.LAYOUT, PREFIXED_LAYOUT)


def running_deploys(deployment: Deployment, deploys: Iterable[Deploy]) -> Mapping[Part, Deploy]:
    """Find the deploys that brought the running parts.

    A rollback only points at an older deploy, which then counts. `deploys` are newest first and
    read only as far as needed.
    """
    puts: dict[Part, Callable[[Deploy, Deployment], bool]] = {Part.IMAGE: put_image}
    if deployment.is_dag_deploy_enabled and deployment.running_bundle_version:
        puts[Part.DAGS] = put_bundle
    found: dict[Part, Deploy] = {}
    for deploy in deploys:
        for part, put in puts.items():
            if not _is_settled(found.get(part)) and put(deploy, deployment):
                found[part] = deploy
        if all(_is_settled(found.get(part)) for part in puts):
            break
    if Part.IMAGE in found and not deployment.is_dag_deploy_enabled:
        found[Part.DAGS] = found[Part.IMAGE]  # which holds the DAGs
    return found


def _is_settled(deploy: Deploy | None) -> bool:
    # A rollback only points at what an older deploy brought: the older row tells where from.
    return deploy is not None and not deploy.rollback_from_id


def put_image(deploy: Deploy, deployment: Deployment) -> bool:
    """Whether this deploy, or a rollback to it, brought the running image."""
    return (
        brings_image(deploy)
        and bool(deployment.image_tag)
        and deploy.image_tag == deployment.image_tag
    )


def brings_image(deploy: Deploy) -> bool:
    """Whether this deploy brought an image, which need not be the running one."""
    return deploy.status == "DEPLOYED" and deploy.type in ("IMAGE_AND_DAG", "IMAGE_ONLY")


def put_bundle(deploy: Deploy, deployment: Deployment) -> bool:
    """Whether this deploy, or a rollback to it, brought the running DAG bundle."""
    return (
        deploy.status == "DEPLOYED"
        and deploy.type in ("IMAGE_AND_DAG", "DAG_ONLY")
        and deploy.dag_tarball_version == deployment.running_bundle_version
    )


def _running(deploy: Deploy | None, part: Part, deployment: Deployment, ours: Ours) -> Running:
    noun = _NOUNS[part]
    if deploy is None:
        return Running(unknown=f"no deploy in the history brought {noun}")
    if deploy.is_dag_deploy_enabled != deployment.is_dag_deploy_enabled:
        return Running(
            deploy_id=deploy.id,
            unknown=f"DAG-only deploys were switched since deploy {deploy.id} brought {noun}",
        )
    digest = read_marker(deploy).get(part)
    commit, why_none = commit_of(deploy, ours, part)
    unknown = "" if commit or digest else f"deploy {deploy.id}, which brought {noun}, {why_none}"
    return Running(
        deploy_id=deploy.id,
        commit=commit,
        digest=digest,
        unknown=unknown,
        is_built=_is_built(deploy),
        is_nameless=_is_nameless(deploy),
    )


def _is_nameless(deploy: Deploy) -> bool:
    return _is_built(deploy) and deploy.git is None and deploy.type == "IMAGE_AND_DAG"


def _is_built(deploy: Deploy) -> bool:
    notes = read_notes(deploy)
    return notes is not None and Note.BUILT not in notes


def commit_of(deploy: Deploy, ours: Ours, part: Part) -> tuple[str | None, str]:
    """The commit that a part of a deploy came from when it is one of ours, or why there is none."""
    if deploy.git is None:
        return None, "does not say which commit it came from"
    theirs = deploy_identity(deploy.git)
    if ours.repository and theirs and theirs != ours.repository:
        return None, f"came from another repository ({theirs})"
    path = _normal_path(deploy.git.path)
    if path != ours.project:
        return None, f"came from another project path ({path or 'the repository root'})"
    commit = deploy.git.commit_sha.lower()
    built = (read_notes(deploy) or {}).get(Note.BUILT) if _is_in_image(part, deploy) else None
    if built and not commit.startswith(built):
        return None, "has an image that was built elsewhere"
    return commit, ""


def _is_in_image(part: Part, deploy: Deploy) -> bool:
    return part is Part.IMAGE or not deploy.is_dag_deploy_enabled


def _normal_path(path: str) -> str:
    return "/".join(part for part in path.split("/") if part not in ("", "."))
