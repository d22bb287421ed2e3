"""The operations on deploys: list, create, read, describe, finalize, roll back."""

from __future__ import annotations

from msgspec import UnsetType
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.http.api.access import DEPLOY, DEPLOYMENT, Access
from astro_ci.sandbox.http.api.routing import body_of, route
from astro_ci.sandbox.http.presenter import Presenter
from astro_ci.sandbox.http.query import paginate
from astro_ci.sandbox.platform.bodies import (
    CreateDeployRequest,
    DeployRollbackRequest,
    FinalizeDeployRequest,
    UpdateDeployRequest,
)
from astro_ci.sandbox.platform.deploys import (
    create_deploy,
    describe_deploy,
    finalize_deploy,
    rollback,
)
from astro_ci.sandbox.store.state import DeployRecord


class DeploysApi:
    """Answers requests about the deploys of a Deployment."""

    def __init__(self, access: Access, presenter: Presenter) -> None:
        self._access = access
        self._platform = access.platform
        self._presenter = presenter

    def routes(self) -> list[Route]:
        return [
            route(DEPLOYMENT + "/deploys", GET=self.list_deploys, POST=self.create_deploy),
            route(DEPLOY, GET=self.get_deploy, POST=self.update_deploy),
            route(DEPLOY + "/finalize", POST=self.finalize_deploy),
            route(DEPLOY + "/rollback", POST=self.rollback),
        ]

    async def list_deploys(self, request: Request) -> Response:
        _, deployment = self._access.deployment(request)
        deploys = self._platform.deploys(deployment)
        query = request.query_params
        return JSONResponse(paginate(deploys, query, "deploys", self._presenter.listed_deploy))

    async def create_deploy(self, request: Request) -> Response:
        identity, deployment = self._access.deployment(request)
        body = await body_of(request, CreateDeployRequest)
        deploy = create_deploy(self._platform, identity, deployment, body)
        request.state.deploy_id = (
            deploy.id
        )  # The request log needs the id, which is not in the path.
        return self._shown(deploy)

    async def get_deploy(self, request: Request) -> Response:
        _, _, deploy = self._access.deploy(request)
        return self._shown(deploy)

    async def update_deploy(self, request: Request) -> Response:
        _, _, deploy = self._access.deploy(request)
        description = (await body_of(request, UpdateDeployRequest)).description
        text = None if isinstance(description, UnsetType) else description
        return self._shown(describe_deploy(self._platform, deploy, text))

    async def finalize_deploy(self, request: Request) -> Response:
        # Unlike similar operations, this one documents no 404.
        identity, deployment, deploy = self._access.deploy(request, missing=403)
        body = await body_of(request, FinalizeDeployRequest)
        return self._shown(finalize_deploy(self._platform, identity, deployment, deploy, body))

    async def rollback(self, request: Request) -> Response:
        identity, deployment, deploy = self._access.deploy(request)
        description = (await body_of(request, DeployRollbackRequest)).description or ""
        return self._shown(rollback(self._platform, identity, deployment, deploy, description))

    def _shown(self, deploy: DeployRecord) -> Response:
        return JSONResponse(self._presenter.deploy(deploy))
