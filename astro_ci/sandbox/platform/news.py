"""Report the steps of deploys, a line each: created, finalized, live.

Each call compares the state with the state at the call before.
"""

from __future__ import annotations

from collections.abc import Iterator

from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.rollout import phase
from astro_ci.sandbox.platform.story import commit_of, split_description
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord
from astro_ci.text import printable, short, shorten

KINDS = {
    "IMAGE_AND_DAG": "image and DAGs",
    "IMAGE_ONLY": "image",
    "DAG_ONLY": "DAGs",
    "BUNDLE": "bundle",
}
MAX_DESCRIPTION = 60


class News:
    """Remembers what was reported. Deploys from before the start are never reported."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._told = {deploy.id: deploy.status for deploy in platform.state.deploys}
        self._awaited: dict[str, DeployRecord] = {}
        """By Deployment: the deploy that is being rolled out."""

    def lines(self) -> list[str]:
        """Return a line for each step since the last call."""
        return [line for deployment in self._deployments() for line in self._of(deployment)]

    def _deployments(self) -> list[DeploymentRecord]:
        return self._platform.deployments(Identity(subject=""))

    def _of(self, deployment: DeploymentRecord) -> Iterator[str]:
        name = printable(deployment.name)
        for deploy in reversed(self._platform.deploys(deployment)):
            status, known = deploy.status, self._told.get(deploy.id)
            if status == known:
                continue
            self._told[deploy.id] = status
            if known is None and not deploy.rollback_from_id:
                yield f"{name}: deploy {deploy.id} created: {_what(deploy)}"
            if deploy.rollback_from_id:
                target = deploy.rollback_from_id
                yield f"{name}: deploy {deploy.id} rolls back to {target}"
            elif status == "DEPLOYED":
                yield f"{name}: deploy {deploy.id} finalized: {_brought(deploy)}"
            if status == "FAILED":
                yield f"{name}: deploy {deploy.id} failed"
            elif status == "DEPLOYED":
                self._awaited[deployment.id] = deploy
        yield from self._rolled_out(deployment, name)

    def _rolled_out(self, deployment: DeploymentRecord, name: str) -> Iterator[str]:
        if deployment.rollout_started_at is not None or deployment.id not in self._awaited:
            return
        deploy = self._awaited.pop(deployment.id)
        status = phase(deployment).status
        if status == "HEALTHY":
            yield f"{name}: deploy {deploy.id} is live"
        else:
            yield f"{name}: deploy {deploy.id} is rolled out, and the Deployment is {status}"


def _what(deploy: DeployRecord) -> str:
    git = deploy.git or {}
    words = [KINDS[deploy.type]]
    if commit := commit_of(deploy):
        branch = f" of {git['branch']}" if git.get("branch") else ""
        words.append(f"commit {short(commit)}{branch}")
    if text := split_description(deploy.description)[0]:
        words.append(shorten(text, MAX_DESCRIPTION))
    return printable(", ".join(words))


def _brought(deploy: DeployRecord) -> str:
    words = []
    if deploy.type in ("IMAGE_AND_DAG", "IMAGE_ONLY"):
        words.append(f"image {deploy.image_tag}")
    if deploy.type in ("IMAGE_AND_DAG", "DAG_ONLY") and deploy.dag_tarball_version:
        words.append(f"bundle {deploy.dag_tarball_version}")
    if deploy.type == "BUNDLE":
        words.append(f"{deploy.bundle_tarball_version or 'nothing'} at {deploy.bundle_mount_path}")
    return printable(" and ".join(words))
