"""The operations on Organizations, Workspaces, and the options of a Deployment."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.http.api.access import ORGANIZATION, Access
from astro_ci.sandbox.http.api.routing import route
from astro_ci.sandbox.http.query import choices, flag, ordered, paginate
from astro_ci.sandbox.http.views import organizations as views
from astro_ci.sandbox.platform.options import deployment_options
from astro_ci.sandbox.platform.refusal import Refusal, invalid

PRODUCT_PLANS = ("TRIAL", "BASIC", "STANDARD", "PREMIUM", "BUSINESS_CRITICAL")


class OrganizationsApi:
    """There is one Organization, with one Workspace."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._platform = access.platform

    def routes(self) -> list[Route]:
        return [
            route("/v1/organizations", GET=self.list_organizations),
            route(ORGANIZATION, GET=self.get_organization),
            route(ORGANIZATION + "/workspaces", GET=self.list_workspaces),
            route(ORGANIZATION + "/workspaces/{workspace_id}", GET=self.get_workspace),
            route(ORGANIZATION + "/deployment-options", GET=self.get_deployment_options),
        ]

    async def list_organizations(self, request: Request) -> Response:
        self._access.identity(request)
        query = request.query_params
        fits = [
            "HOSTED" in (choices(query, "product", ("HOSTED", "HYBRID")) or ["HOSTED"]),
            "STANDARD" in (choices(query, "productPlan", PRODUCT_PLANS) or ["STANDARD"]),
        ]
        choices(query, "astronomerProduct", ("ASTRO",))
        ordered([], query)
        found = [self._platform.state] if all(fits) else []
        return JSONResponse(paginate(found, query, "organizations", views.organization))

    async def get_organization(self, request: Request) -> Response:
        self._access.organization(request)
        # Astro returns fewer details here, but the schema requires all of them.
        flag(request.query_params, "isLookUpOnly")
        return JSONResponse(views.organization(self._platform.state))

    async def list_workspaces(self, request: Request) -> Response:
        self._access.organization(request, missing=403)
        query = request.query_params
        state = self._platform.state
        fits = [
            state.workspace_id in (query.getlist("workspaceIds") or [state.workspace_id]),
            views.WORKSPACE_NAME in (query.getlist("names") or [views.WORKSPACE_NAME]),
        ]
        ordered([], query)
        found = [state] if all(fits) else []
        return JSONResponse(paginate(found, query, "workspaces", views.workspace))

    async def get_workspace(self, request: Request) -> Response:
        self._access.organization(request)
        workspace_id = request.path_params["workspace_id"]
        if workspace_id != self._platform.state.workspace_id:
            raise Refusal(404, f"Workspace {workspace_id} was not found")
        return JSONResponse(views.workspace(self._platform.state))

    async def get_deployment_options(self, request: Request) -> Response:
        identity = self._access.organization(request, missing=403)
        query = request.query_params
        choices(query, "deploymentType", ("HYBRID", "DEDICATED", "STANDARD"))
        choices(query, "executor", ("CELERY", "KUBERNETES", "ASTRO"))
        choices(query, "cloudProvider", ("AWS", "AZURE", "GCP"))
        known = [one.id for one in self._platform.deployments(identity)]
        if "deploymentId" in query and query["deploymentId"] not in known:
            raise invalid("deploymentId", "this Deployment was not found")
        return JSONResponse(deployment_options())
