"""What the platform has: finds Deployments and deploys, and keeps changes to them apart.

Whatever changes the state does so in a `transaction`: under a lock, ending with the state on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import RLock

from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.rollout import settle
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.blobs import BlobStore
from astro_ci.sandbox.store.registry import Registry
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord, State, StateFile


class Platform:
    """The Deployments and their deploys, with the blobs and images that they refer to."""

    def __init__(
        self,
        directory: Path,
        blobs: BlobStore,
        registry: Registry,
        *,
        rollout_seconds: float,
        wake_seconds: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = StateFile(directory)
        self.state: State = self._file.load(now())
        self.blobs = blobs
        self.registry = registry
        self.rollout_seconds = rollout_seconds
        self.wake_seconds = wake_seconds
        self.now = now
        self.revision = 0
        """Counts the changes."""
        self._lock = RLock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep others out, and write the state when all went well."""
        with self._lock:
            yield
            self._file.save(self.state)
            self.revision += 1

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
                self.settle(deployment)
            return found

    def settle(self, deployment: DeploymentRecord) -> None:
        """Bring a Deployment to this moment."""
        settle(
            deployment,
            self.now(),
            rollout_seconds=self.rollout_seconds,
            wake_seconds=self.wake_seconds,
        )

    def deployment(
        self, identity: Identity, deployment_id: str, *, missing: int = 404
    ) -> DeploymentRecord:
        """Find a Deployment, settled. Raises Refusal, also for one that the token does not see."""
        for deployment in self.deployments(identity):
            if deployment.id == deployment_id:
                return deployment
        raise Refusal(missing, f"Deployment {deployment_id} was not found")

    def deployment_of(self, deploy: DeployRecord) -> DeploymentRecord:
        """Find the Deployment that a deploy belongs to."""
        return next(one for one in self.state.deployments if one.id == deploy.deployment_id)

    def deploys(self, deployment: DeploymentRecord) -> list[DeployRecord]:
        """List the deploys of a Deployment, newest first."""
        with self._lock:
            return [d for d in reversed(self.state.deploys) if d.deployment_id == deployment.id]

    def deploy(
        self, deployment: DeploymentRecord, deploy_id: str, *, missing: int = 404
    ) -> DeployRecord:
        """Find a deploy. Raises Refusal."""
        for deploy in self.deploys(deployment):
            if deploy.id == deploy_id:
                return deploy
        raise Refusal(missing, f"Deploy {deploy_id} was not found")

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
