"""Find the identity behind a request, and the resources that its path names."""

from __future__ import annotations

from starlette.requests import Request

from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.tokens import Identity, identify
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord

ORGANIZATION = "/v1/organizations/{organization_id}"
DEPLOYMENT = ORGANIZATION + "/deployments/{deployment_id}"
DEPLOY = DEPLOYMENT + "/deploys/{deploy_id}"


class Access:
    """Finds the resources that a request's path names, if its token may see them. Raises Refusal.

    `missing` is the status for a resource that does not exist: some operations document no 404.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def identity(self, request: Request) -> Identity:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "Missing authorization token")
        return identify(token.strip(), self.platform.state, self.platform.now())

    def organization(self, request: Request, *, missing: int = 404) -> Identity:
        identity = self.identity(request)
        self.platform.organization(request.path_params["organization_id"], missing=missing)
        return identity

    def deployment(
        self, request: Request, *, missing: int = 404
    ) -> tuple[Identity, DeploymentRecord]:
        identity = self.organization(request, missing=missing)
        deployment_id = request.path_params["deployment_id"]
        return identity, self.platform.deployment(identity, deployment_id, missing=missing)

    def deploy(
        self, request: Request, *, missing: int = 404
    ) -> tuple[Identity, DeploymentRecord, DeployRecord]:
        identity, deployment = self.deployment(request, missing=missing)
        deploy_id = request.path_params["deploy_id"]
        return identity, deployment, self.platform.deploy(deployment, deploy_id, missing=missing)
