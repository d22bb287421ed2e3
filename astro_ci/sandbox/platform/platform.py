"""Find Deployments and deploys, and change them one request at a time.

Every change of the state is made in a `transaction`, which holds a lock, and at its end writes the
state to disk.
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
    """The Deployments and their deploys, and the stores of their blobs and images."""

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
        """Hold the lock, and write the state at the end unless an error was raised."""
        with self._lock:
            yield
            self._file.save(self.state)
            self.revision += 1

    # --- finding ---------------------------------------------------------------------------------

    def organization(self, organization_id: str, *, missing: int = 404) -> None:
        """Refuse a foreign Organization, with the status that the operation documents."""
        if organization_id != self.state.organization_id:
            raise Refusal(missing, f"Organization {organization_id} was not found for this token")

    def deployments(self, identity: Identity) -> list[DeploymentRecord]:
        """List the Deployments that a token can see, with their present status."""
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
        """Find a Deployment, with its present status. Raises Refusal if the token cannot see it."""
        for deployment in self.deployments(identity):
            if deployment.id == deployment_id:
                return deployment
        raise Refusal(missing, f"Deployment {deployment_id} was not found")

    def deployment_of(self, deploy: DeployRecord) -> DeploymentRecord:
        """Find the Deployment of a deploy."""
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
        """Return the repository of a Deployment's images, without the registry's host."""
        return f"{self.state.organization_id}/{deployment.id}"

    def dags_blob(self, deployment: DeploymentRecord) -> str:
        """Return the name of the blob for a Deployment's DAG bundles."""
        return f"{self.state.organization_id}/{deployment.id}"

    def bundle_blob(self, deployment: DeploymentRecord, mount_path: str) -> str:
        """Return the name of the blob for the bundle at a mount path beside the DAGs."""
        # A mount path may contain any character; its digest is safe in a URL.
        digest = sha256(mount_path.encode()).hexdigest()
        return f"{self.state.organization_id}/{deployment.id}/bundles/{digest[:16]}"
