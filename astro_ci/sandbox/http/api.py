"""The v1 API over HTTP. Source: the operations of the same names in the API document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import TypeVar

from msgspec import Struct, UnsetType
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.http import views
from astro_ci.sandbox.http.presenter import Presenter
from astro_ci.sandbox.http.query import choices, flag, ordered, paginate
from astro_ci.sandbox.platform.bodies import (
    CreateDeployRequest,
    DeployRollbackRequest,
    FinalizeDeployRequest,
    OverrideDeploymentHibernationBody,
    UpdateDeploymentRequest,
    UpdateDeployRequest,
    read_body,
)
from astro_ci.sandbox.platform.configure import override_hibernation, update_deployment
from astro_ci.sandbox.platform.options import deployment_options
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import FieldProblem, Refusal, invalid
from astro_ci.sandbox.platform.tokens import Identity, identify
from astro_ci.sandbox.store.ids import new_id
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord

MAX_BODY_BYTES = 1 << 20
PRODUCT_PLANS = ("TRIAL", "BASIC", "STANDARD", "PREMIUM", "BUSINESS_CRITICAL")

Endpoint = Callable[[Request], Awaitable[Response]]
Body = TypeVar("Body", bound=Struct)


class Api:
    """Answers everything under /v1/."""

    def __init__(self, platform: Platform, presenter: Presenter) -> None:
        self._platform = platform
        self._presenter = presenter

    def routes(self) -> list[Route]:
        """List the paths and what answers them."""
        organization = "/v1/organizations/{organization_id}"
        deployment = organization + "/deployments/{deployment_id}"
        deploy = deployment + "/deploys/{deploy_id}"
        return [
            _route("/v1/organizations", GET=self.list_organizations),
            _route(organization, GET=self.get_organization),
            _route(organization + "/workspaces", GET=self.list_workspaces),
            _route(organization + "/workspaces/{workspace_id}", GET=self.get_workspace),
            _route(organization + "/deployment-options", GET=self.get_deployment_options),
            _route(organization + "/deployments", GET=self.list_deployments),
            _route(deployment, GET=self.get_deployment, POST=self.update_deployment),
            _route(
                deployment + "/hibernation-override",
                POST=self.override_hibernation,
                DELETE=self.end_hibernation_override,
            ),
            _route(deployment + "/deploys", GET=self.list_deploys, POST=self.create_deploy),
            _route(deploy, GET=self.get_deploy, POST=self.update_deploy),
            _route(deploy + "/finalize", POST=self.finalize_deploy),
            _route(deploy + "/rollback", POST=self.rollback),
        ]

    # --- Organizations and Workspaces ------------------------------------------------------------

    async def list_organizations(self, request: Request) -> Response:
        self._identity(request)
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
        self._in_organization(request)
        # A real Astro leaves details out here; all of ours are needed by the schema.
        flag(request.query_params, "isLookUpOnly")
        return JSONResponse(views.organization(self._platform.state))

    async def list_workspaces(self, request: Request) -> Response:
        self._in_organization(request, missing=403)
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
        self._in_organization(request)
        workspace_id = request.path_params["workspace_id"]
        if workspace_id != self._platform.state.workspace_id:
            raise Refusal(404, f"Workspace {workspace_id} was not found")
        return JSONResponse(views.workspace(self._platform.state))

    # --- Deployments -----------------------------------------------------------------------------

    async def list_deployments(self, request: Request) -> Response:
        identity = self._in_organization(request, missing=403)
        query = request.query_params
        found = self._platform.deployments(identity)
        if ids := query.getlist("deploymentIds"):
            found = [one for one in found if one.id in ids]
        if names := query.getlist("names"):
            found = [one for one in found if one.name in names]
        workspaces = query.getlist("workspaceIds")
        if workspaces and self._platform.state.workspace_id not in workspaces:
            found = []
        page = paginate(
            ordered(found, query),
            query,
            "deployments",
            self._presenter.deployment,
            # The document sets no maximum for this list.
            max_limit=None,
        )
        return JSONResponse(page)

    async def get_deployment(self, request: Request) -> Response:
        _, deployment = self._deployment(request)
        return JSONResponse(self._presenter.deployment(deployment))

    async def update_deployment(self, request: Request) -> Response:
        _, deployment = self._deployment(request)
        body = await _body(request, UpdateDeploymentRequest)
        update_deployment(self._platform, deployment, body)
        return JSONResponse(self._presenter.deployment(deployment))

    async def override_hibernation(self, request: Request) -> Response:
        _, deployment = self._deployment(request)
        body = await _body(request, OverrideDeploymentHibernationBody)
        override_hibernation(self._platform, deployment, body)
        return JSONResponse(views.hibernation_override(deployment, self._platform.now()))

    async def end_hibernation_override(self, request: Request) -> Response:
        _, deployment = self._deployment(request)
        override_hibernation(self._platform, deployment, None)
        return Response(status_code=204)

    async def get_deployment_options(self, request: Request) -> Response:
        identity = self._in_organization(request, missing=403)
        query = request.query_params
        choices(query, "deploymentType", ("HYBRID", "DEDICATED", "STANDARD"))
        choices(query, "executor", ("CELERY", "KUBERNETES", "ASTRO"))
        choices(query, "cloudProvider", ("AWS", "AZURE", "GCP"))
        known = [one.id for one in self._platform.deployments(identity)]
        if "deploymentId" in query and query["deploymentId"] not in known:
            raise invalid("deploymentId", "no such Deployment was found")
        return JSONResponse(deployment_options())

    # --- deploys ---------------------------------------------------------------------------------

    async def list_deploys(self, request: Request) -> Response:
        _, deployment = self._deployment(request)
        deploys = self._platform.deploys(deployment)
        query = request.query_params
        return JSONResponse(paginate(deploys, query, "deploys", self._presenter.listed_deploy))

    async def create_deploy(self, request: Request) -> Response:
        identity, deployment = self._deployment(request)
        body = await _body(request, CreateDeployRequest)
        return self._shown(self._platform.create_deploy(identity, deployment, body))

    async def get_deploy(self, request: Request) -> Response:
        _, _, deploy = self._deploy(request)
        return self._shown(deploy)

    async def update_deploy(self, request: Request) -> Response:
        _, _, deploy = self._deploy(request)
        description = (await _body(request, UpdateDeployRequest)).description
        text = None if isinstance(description, UnsetType) else description
        return self._shown(self._platform.describe_deploy(deploy, text))

    async def finalize_deploy(self, request: Request) -> Response:
        try:
            identity, deployment, deploy = self._deploy(request)
        except Refusal as refusal:  # alone of its kind, this operation documents no 404
            status = 403 if refusal.status == 404 else refusal.status
            raise Refusal(status, refusal.message) from refusal
        body = await _body(request, FinalizeDeployRequest)
        return self._shown(self._platform.finalize_deploy(identity, deployment, deploy, body))

    async def rollback(self, request: Request) -> Response:
        identity, deployment, deploy = self._deploy(request)
        description = (await _body(request, DeployRollbackRequest)).description or ""
        return self._shown(self._platform.rollback(identity, deployment, deploy, description))

    # --- what a request names --------------------------------------------------------------------

    def _shown(self, deploy: DeployRecord) -> Response:
        return JSONResponse(self._presenter.deploy(deploy))

    def _identity(self, request: Request) -> Identity:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "Missing authorization token")
        return identify(token.strip(), self._platform.state, self._platform.now())

    def _in_organization(self, request: Request, *, missing: int = 404) -> Identity:
        identity = self._identity(request)
        self._platform.organization(request.path_params["organization_id"], missing=missing)
        return identity

    def _deployment(self, request: Request) -> tuple[Identity, DeploymentRecord]:
        identity = self._in_organization(request)
        return identity, self._platform.deployment(identity, request.path_params["deployment_id"])

    def _deploy(self, request: Request) -> tuple[Identity, DeploymentRecord, DeployRecord]:
        identity, deployment = self._deployment(request)
        deploy = self._platform.deploy(deployment, request.path_params["deploy_id"])
        return identity, deployment, deploy


def _route(path: str, **endpoints: Endpoint) -> Route:
    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        try:
            return await endpoints[method](request)
        except Refusal as refusal:
            return error_response(refusal.status, refusal.message, refusal.fields)

    return Route(path, answer, methods=list(endpoints))


def error_response(status: int, message: str, fields: Sequence[FieldProblem] = ()) -> Response:
    """Make an answer whose body is of schema Error."""
    request_id = new_id()
    body: dict[str, object] = {"message": message, "requestId": request_id, "statusCode": status}
    if fields:
        body["fieldErrors"] = [asdict(problem) for problem in fields]
    return JSONResponse(body, status, {"x-request-id": request_id})


async def _body(request: Request, kind: type[Body]) -> Body:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise Refusal(400, "Invalid request: the body is too large")
    return read_body(raw, kind)
