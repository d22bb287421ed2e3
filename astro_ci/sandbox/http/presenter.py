"""Convert records to the API's format, with this server's address in their URLs."""

from __future__ import annotations

from astro_ci.sandbox.http.views.deployments import deployment as deployment_view
from astro_ci.sandbox.http.views.deployments import image_repository
from astro_ci.sandbox.http.views.deploys import deploy as deploy_view
from astro_ci.sandbox.http.views.json import Json
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.sas import signed_query
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord


class Presenter:
    """Knows this server's address, and how long an upload URL is valid."""

    def __init__(
        self, platform: Platform, api_url: str, registry: str, upload_lifetime_seconds: float
    ) -> None:
        self._platform = platform
        self._api_url = api_url
        self._registry = registry
        self._upload_lifetime_seconds = upload_lifetime_seconds

    def deployment(self, record: DeploymentRecord) -> Json:
        """Make the body for schema Deployment."""
        platform = self._platform
        return deployment_view(record, platform.state, self._registry, platform.now())

    def deploy(self, record: DeployRecord) -> Json:
        """Make the body for schema Deploy, with the upload URL while an upload is expected."""
        return self._deploy(record, self._upload_url(record))

    def listed_deploy(self, record: DeployRecord) -> Json:
        """Make a Deploy as in a list: without the upload URL, which is a secret."""
        return self._deploy(record, "")

    def _deploy(self, record: DeployRecord, upload_url: str) -> Json:
        state = self._platform.state
        deployment = self._platform.deployment_of(record)
        repository = image_repository(deployment, state, self._registry)
        return deploy_view(record, state, repository, upload_url)

    def _upload_url(self, record: DeployRecord) -> str:
        platform = self._platform
        deployment = platform.deployment_of(record)
        if record.status != "INITIALIZED" or not deployment.is_dag_deploy_enabled:
            return ""
        name = platform.dags_blob(deployment)
        if record.type == "BUNDLE":
            name = platform.bundle_blob(deployment, record.bundle_mount_path)
        lifetime = self._upload_lifetime_seconds
        query = signed_query(name, platform.state, platform.now(), lifetime)
        return f"{self._api_url}/blobs/{name}?{query}"
