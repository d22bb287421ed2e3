"""What the platform does: finds Deployments, takes deploys, rolls out, refuses.

Every public method is one transaction: it runs under a lock and ends with the state on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock

from msgspec import to_builtins

from astro_ci.sandbox.platform.bodies import CreateDeployRequest, FinalizeDeployRequest
from astro_ci.sandbox.platform.refusal import Refusal, invalid
from astro_ci.sandbox.platform.rollout import settle, start_rollout
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.blobs import BlobStore
from astro_ci.sandbox.store.ids import new_id, new_image_tag
from astro_ci.sandbox.store.registry import Registry
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord, State, StateFile

RUNTIME_LABEL = "io.astronomer.docker.runtime.version"


class Platform:
    """The Deployments and their deploys, with the blobs and images that they refer to."""

    def __init__(
        self,
        directory: Path,
        blobs: BlobStore,
        registry: Registry,
        *,
        rollout_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = StateFile(directory)
        self.state: State = self._file.load(now())
        self.blobs = blobs
        self.registry = registry
        self.rollout_seconds = rollout_seconds
        self.now = now
        self._lock = RLock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep others out, and write the state when all went well."""
        with self._lock:
            yield
            self._file.save(self.state)

    # --- finding ---------------------------------------------------------------------------------

    def organization(self, organization_id: str, *, missing: int = 404) -> None:
        """Refuse an Organization that is not ours, with the status that the operation documents."""
        if organization_id != self.state.organization_id:
            raise Refusal(missing, f"Organization {organization_id} was not found for this token")

    def deployments(self, identity: Identity) -> list[DeploymentRecord]:
        """List the Deployments that a token sees, settled."""
        with self._lock:
            found = [one for one in self.state.deployments if identity.sees(one)]
            for deployment in found:
                settle(deployment, self.now(), self.rollout_seconds)
            return found

    def deployment(self, identity: Identity, deployment_id: str) -> DeploymentRecord:
        """Find a Deployment, settled. Raises Refusal 404, also for one the token does not see."""
        for deployment in self.deployments(identity):
            if deployment.id == deployment_id:
                return deployment
        raise Refusal(404, f"Deployment {deployment_id} was not found")

    def deployment_of(self, deploy: DeployRecord) -> DeploymentRecord:
        """Find the Deployment that a deploy belongs to."""
        return next(one for one in self.state.deployments if one.id == deploy.deployment_id)

    def deploys(self, deployment: DeploymentRecord) -> list[DeployRecord]:
        """List the deploys of a Deployment, newest first."""
        with self._lock:
            return [d for d in reversed(self.state.deploys) if d.deployment_id == deployment.id]

    def deploy(self, deployment: DeploymentRecord, deploy_id: str) -> DeployRecord:
        """Find a deploy. Raises Refusal 404."""
        for deploy in self.deploys(deployment):
            if deploy.id == deploy_id:
                return deploy
        raise Refusal(404, f"Deploy {deploy_id} was not found")

    def repository(self, deployment: DeploymentRecord) -> str:
        """Name the repository of a Deployment's images, without the registry's host."""
        return f"{self.state.organization_id}/{deployment.id}"

    def dags_blob(self, deployment: DeploymentRecord) -> str:
        """Name the blob of a Deployment's DAG bundles."""
        return f"{self.state.organization_id}/{deployment.id}"

    def bundle_blob(self, deployment: DeploymentRecord, mount_path: str) -> str:
        """Name the blob of what is mounted at a path beside the DAGs."""
        # A mount path may hold anything; a digest of it is safe in a URL.
        digest = sha256(mount_path.encode()).hexdigest()
        return f"{self.state.organization_id}/{deployment.id}/bundles/{digest[:16]}"

    # --- deploying -------------------------------------------------------------------------------

    def create_deploy(
        self, identity: Identity, deployment: DeploymentRecord, body: CreateDeployRequest
    ) -> DeployRecord:
        """Begin a deploy: name the tag to push; nothing runs yet."""
        body.check()
        with self.transaction():
            _refuse_people(identity, deployment)
            if body.type in ("DAG_ONLY", "BUNDLE") and not deployment.is_dag_deploy_enabled:
                raise invalid("type", f"DAG deploys are not enabled for {deployment.name}")
            deploy = self._new_deploy(identity, deployment)
            deploy.type = body.type
            deploy.description = body.description or ""
            deploy.git = to_builtins(body.git) if body.git else None
            deploy.bundle_mount_path = body.bundle_mount_path or ""
            deploy.bundle_type = body.bundle_type or ""
            if has_image(deploy):
                deploy.image_tag = new_image_tag(self.now())
            self.state.deploys.append(deploy)
            return deploy

    def finalize_deploy(
        self,
        identity: Identity,
        deployment: DeploymentRecord,
        deploy: DeployRecord,
        body: FinalizeDeployRequest,
    ) -> DeployRecord:
        """Accept what was pushed and uploaded, and begin to roll it out."""
        with self.transaction():
            _refuse_people(identity, deployment)
            if deploy.status != "INITIALIZED":
                raise Refusal(400, f"Deploy {deploy.id} has already been finalized")
            version = self._dag_version(deployment, deploy, body.dag_tarball_version or "")
            bundle = self._bundle_version(deployment, deploy, body.bundle_tarball_version or "")
            labels = self._pushed_labels(deployment, deploy)
            deploy.updated_at = self.now()
            if deployment.next_deploy_fails:
                deployment.next_deploy_fails = False
                deploy.status = "FAILED"
                return deploy
            deploy.status = "DEPLOYED"
            deploy.image_tag = deploy.image_tag if has_image(deploy) else deployment.image_tag
            deploy.dag_tarball_version = version
            deploy.bundle_tarball_version = bundle
            deploy.runtime_version = labels.get(RUNTIME_LABEL) or deployment.runtime_version
            deploy.is_dag_deploy_enabled = deployment.is_dag_deploy_enabled
            self._run(deployment, deploy)
            return deploy

    def rollback(
        self,
        identity: Identity,
        deployment: DeploymentRecord,
        target: DeployRecord,
        description: str,
    ) -> DeployRecord:
        """Run what an earlier deploy ran: its image, its DAGs, its DAG deploy setting."""
        with self.transaction():
            _refuse_people(identity, deployment)
            if target.status != "DEPLOYED":
                raise Refusal(400, f"Deploy {target.id} was never deployed")
            deploy = self._new_deploy(identity, deployment)
            deploy.status = "DEPLOYED"
            deploy.rollback_from_id = target.id
            deploy.description = description
            deploy.image_tag = target.image_tag
            deploy.dag_tarball_version = target.dag_tarball_version
            deploy.runtime_version = target.runtime_version
            deploy.is_dag_deploy_enabled = target.is_dag_deploy_enabled
            deployment.is_dag_deploy_enabled = target.is_dag_deploy_enabled
            self.state.deploys.append(deploy)
            self._run(deployment, deploy)
            return deploy

    def describe_deploy(self, deploy: DeployRecord, description: str | None) -> DeployRecord:
        """Change the description of a deploy; None leaves it."""
        with self.transaction():
            if description is not None:
                deploy.description = description
            deploy.updated_at = self.now()
            return deploy

    def _new_deploy(self, identity: Identity, deployment: DeploymentRecord) -> DeployRecord:
        now = self.now()
        return DeployRecord(
            id=new_id(),
            deployment_id=deployment.id,
            type="IMAGE_AND_DAG",
            created_at=now,
            updated_at=now,
            created_by=identity.subject,
            is_dag_deploy_enabled=deployment.is_dag_deploy_enabled,
            image_tag=deployment.image_tag,
            runtime_version=deployment.runtime_version,
        )

    def _run(self, deployment: DeploymentRecord, deploy: DeployRecord) -> None:
        """Make what a deploy carries the desired state."""
        now = self.now()
        settle(deployment, now, self.rollout_seconds)
        deployment.image_tag = deploy.image_tag
        deployment.runtime_version = deploy.runtime_version
        deployment.desired_version = deploy.dag_tarball_version
        deployment.updated_at = now
        start_rollout(deployment, now)

    def _dag_version(self, deployment: DeploymentRecord, deploy: DeployRecord, given: str) -> str:
        """Decide which bundle version runs after this deploy. Raises Refusal 400."""
        if not deployment.is_dag_deploy_enabled:
            if given or deploy.type == "DAG_ONLY":
                raise invalid(
                    "dagTarballVersion", f"DAG deploys are not enabled for {deployment.name}"
                )
            return ""
        if not has_dags(deploy):
            # The Astro CLI sends an empty or the running version here; neither changes anything.
            return deployment.desired_version
        if not given:
            raise invalid(
                "dagTarballVersion",
                f"required for {deploy.type} with DAG deploys enabled",
                "required",
            )
        if not self.blobs.has_version(self.dags_blob(deployment), given):
            raise invalid("dagTarballVersion", "no such version was uploaded for this Deployment")
        return given

    def _bundle_version(
        self, deployment: DeploymentRecord, deploy: DeployRecord, given: str
    ) -> str:
        if deploy.type != "BUNDLE":
            return ""
        if not given:
            raise invalid("bundleTarballVersion", "required for a BUNDLE deploy", "required")
        if not self.blobs.has_version(
            self.bundle_blob(deployment, deploy.bundle_mount_path), given
        ):
            raise invalid("bundleTarballVersion", "no such version was uploaded for this bundle")
        return given

    def _pushed_labels(self, deployment: DeploymentRecord, deploy: DeployRecord) -> dict[str, str]:
        """Read the labels of the image that a deploy pushed. Raises Refusal 400 without one."""
        if not has_image(deploy):
            return {}
        labels = self.registry.labels(self.repository(deployment), deploy.image_tag)
        if labels is None:
            raise Refusal(400, f"No image was pushed with the tag {deploy.image_tag}")
        return labels


def has_image(deploy: DeployRecord) -> bool:
    """Whether a deploy brings an image."""
    return deploy.type in ("IMAGE_AND_DAG", "IMAGE_ONLY")


def has_dags(deploy: DeployRecord) -> bool:
    """Whether a deploy brings DAGs."""
    return deploy.type in ("IMAGE_AND_DAG", "DAG_ONLY")


def _refuse_people(identity: Identity, deployment: DeploymentRecord) -> None:
    if deployment.is_cicd_enforced and identity.is_session:
        raise Refusal(
            403,
            f"CI/CD enforcement is enabled for Deployment {deployment.name}: deploy with an API "
            "token or a Deployment API key",
        )
