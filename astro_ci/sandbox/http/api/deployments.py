"""The operations on Deployments: list, create, read, update, delete, hibernate, read logs."""

from __future__ import annotations

from dataclasses import asdict
from uuid import uuid4

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.http.api.access import DEPLOYMENT, ORGANIZATION, Access
from astro_ci.sandbox.http.api.routing import body_of, raw_body, route
from astro_ci.sandbox.http.presenter import Presenter
from astro_ci.sandbox.http.query import choices, moment, ordered, paginate, whole_number
from astro_ci.sandbox.http.views.settings import hibernation_override as override_view
from astro_ci.sandbox.platform.bodies import OverrideDeploymentHibernationBody
from astro_ci.sandbox.platform.configure import (
    create_deployment,
    delete_deployment,
    override_hibernation,
    update_deployment,
)
from astro_ci.sandbox.platform.deployment_bodies import read_create, read_update
from astro_ci.sandbox.platform.logs import SOURCES, LogEntry, log_entries
from astro_ci.sandbox.platform.refusal import invalid


class DeploymentsApi:
    """Answers requests about Deployments."""

    def __init__(self, access: Access, presenter: Presenter) -> None:
        self._access = access
        self._platform = access.platform
        self._presenter = presenter

    def routes(self) -> list[Route]:
        return [
            route(
                ORGANIZATION + "/deployments",
                GET=self.list_deployments,
                POST=self.create_deployment,
            ),
            route(
                DEPLOYMENT,
                GET=self.get_deployment,
                POST=self.update_deployment,
                DELETE=self.delete_deployment,
            ),
            route(
                DEPLOYMENT + "/hibernation-override",
                POST=self.override_hibernation,
                DELETE=self.end_hibernation_override,
            ),
            route(DEPLOYMENT + "/logs", GET=self.get_deployment_logs),
        ]

    async def list_deployments(self, request: Request) -> Response:
        identity = self._access.organization(request, missing=403)
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
        _, deployment = self._access.deployment(request)
        return JSONResponse(self._presenter.deployment(deployment))

    async def update_deployment(self, request: Request) -> Response:
        _, deployment = self._access.deployment(request)
        body = read_update(await raw_body(request))
        update_deployment(self._platform, deployment, body)
        return JSONResponse(self._presenter.deployment(deployment))

    async def override_hibernation(self, request: Request) -> Response:
        _, deployment = self._access.deployment(request)
        body = await body_of(request, OverrideDeploymentHibernationBody)
        override_hibernation(self._platform, deployment, body)
        return JSONResponse(override_view(deployment, self._platform.now()))

    async def end_hibernation_override(self, request: Request) -> Response:
        _, deployment = self._access.deployment(request)
        override_hibernation(self._platform, deployment, None)
        return Response(status_code=204)

    async def create_deployment(self, request: Request) -> Response:
        identity = self._access.organization(request, missing=403)
        body = read_create(await raw_body(request))
        deployment = create_deployment(self._platform, identity, body)
        return JSONResponse(self._presenter.deployment(deployment))

    async def delete_deployment(self, request: Request) -> Response:
        identity, deployment = self._access.deployment(request)
        delete_deployment(self._platform, identity, deployment)
        return Response(status_code=204)

    async def get_deployment_logs(self, request: Request) -> Response:
        _, deployment = self._access.deployment(request, missing=403)
        query = request.query_params
        sources = choices(query, "sources", SOURCES)
        if not sources:
            raise invalid("sources", "name at least one source", "required")
        limit = whole_number(query, "limit", 500, least=1)
        offset = whole_number(query, "offset", 0)
        most = whole_number(query, "maxNumResults", 10_000, least=1)
        since, until = _time_range(query, self._platform.now())
        found = [
            entry
            for entry in log_entries(self._platform, deployment)
            if entry.source in sources
            and since <= entry.timestamp <= until
            and query.get("searchText", "") in entry.raw
        ]
        return JSONResponse(_log_page(found[:most], limit, offset, most, query))


def _time_range(query: QueryParams, now: float) -> tuple[float, float]:
    """Read the time range of a log request: two dates, or a number of seconds until now."""
    seconds = whole_number(query, "range", 3600, least=60)
    if ("startDate" in query) != ("endDate" in query):
        raise invalid("startDate", "startDate and endDate must be given together", "required")
    if "startDate" in query:
        return moment(query, "startDate"), moment(query, "endDate")
    return now - seconds, now


def _log_page(
    entries: list[LogEntry], limit: int, offset: int, most: int, query: QueryParams
) -> dict[str, object]:
    page = entries[offset : offset + limit]
    return {
        "limit": limit,
        "maxNumResults": most,
        "offset": offset,
        "resultCount": len(page),
        "results": [asdict(entry) for entry in page],
        "searchId": query.get("searchId") or uuid4().hex,
    }
