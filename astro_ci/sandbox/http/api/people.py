"""The operations on users, teams, API tokens, and the environment objects of the Workspace."""

from __future__ import annotations

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.http.api.access import ORGANIZATION, Access
from astro_ci.sandbox.http.api.routing import route
from astro_ci.sandbox.http.query import choices, flag, paginate, sort_key
from astro_ci.sandbox.http.views import people as views
from astro_ci.sandbox.http.views.json import Json
from astro_ci.sandbox.platform.refusal import Refusal

OBJECT_TYPES = ("CONNECTION", "ENVIRONMENT_VARIABLE", "AIRFLOW_VARIABLE", "METRICS_EXPORT")
MOMENTS = ("createdAt", "updatedAt")


class PeopleApi:
    """There is one user, no team, one API token of the Workspace, and one of each Deployment."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._platform = access.platform

    def routes(self) -> list[Route]:
        return [
            route("/v1/users/self", GET=self.get_self_user),
            route(ORGANIZATION + "/users", GET=self.list_users),
            route(ORGANIZATION + "/users/{user_id}", GET=self.get_user),
            route(ORGANIZATION + "/teams", GET=self.list_teams),
            route(ORGANIZATION + "/tokens", GET=self.list_tokens),
            route(ORGANIZATION + "/tokens/{token_id}", GET=self.get_token),
            route(ORGANIZATION + "/environment-objects", GET=self.list_environment_objects),
        ]

    async def get_self_user(self, request: Request) -> Response:
        """Show the user of this session."""
        identity = self._access.identity(request)
        flag(request.query_params, "createIfNotExist")
        if not identity.is_session:
            raise Refusal(401, "An API token has no user: log in instead")
        return JSONResponse(views.self_user(self._platform.state))

    async def list_users(self, request: Request) -> Response:
        self._access.organization(request, missing=403)
        query = request.query_params
        users = [views.user(self._platform.state)]
        users = users if self._is_ours(query) and not _names_dags(query) else []
        keys = ("id", "username", "fullName", *MOMENTS)
        return JSONResponse(_page(users, query, "users", keys))

    async def get_user(self, request: Request) -> Response:
        self._access.organization(request)
        user = views.user(self._platform.state)
        if request.path_params["user_id"] != user["id"]:
            raise Refusal(404, f"User {request.path_params['user_id']} was not found")
        return JSONResponse(user)

    async def list_teams(self, request: Request) -> Response:
        self._access.organization(request)
        query = request.query_params
        return JSONResponse(_page([], query, "teams", ("name", "description", *MOMENTS)))

    async def list_tokens(self, request: Request) -> Response:
        self._access.organization(request)
        query = request.query_params
        kinds = choices(query, "kind", ("STANDARD", "DIRECT_ACCESS"))
        tokens = self._tokens()
        if wanted := query.get("deploymentId"):
            tokens = [token for token in tokens if views.is_for(token, wanted)]
        elif "workspaceId" in query:
            tokens = [token for token in tokens if token["scope"] == "WORKSPACE"]
        if flag(query, "includeOnlyOrganizationTokens") or "DIRECT_ACCESS" in kinds:
            tokens = []
        tokens = tokens if self._is_ours(query) and not _names_dags(query) else []
        keys = ("name", "description", *MOMENTS, "tokenStartAt")
        return JSONResponse(_page(tokens, query, "tokens", keys))

    async def get_token(self, request: Request) -> Response:
        self._access.organization(request)
        for token in self._tokens():
            if token["id"] == request.path_params["token_id"]:
                return JSONResponse(token)
        raise Refusal(404, f"API token {request.path_params['token_id']} was not found")

    async def list_environment_objects(self, request: Request) -> Response:
        self._access.organization(request)
        query = request.query_params
        try:
            choices(query, "objectType", OBJECT_TYPES)
            flag(query, "showSecrets")
            flag(query, "resolveLinked")
            keys = ("objectType", "objectKey", *MOMENTS)
            return JSONResponse(_page([], query, "environmentObjects", keys, max_limit=None))
        except Refusal as refusal:  # unlike similar lists, this one documents no 400
            raise Refusal(404, refusal.message, refusal.fields) from refusal

    def _tokens(self) -> list[Json]:
        state = self._platform.state
        deployments = [views.deployment_token(one, state) for one in state.deployments]
        return [views.workspace_token(state), *deployments]

    def _is_ours(self, query: QueryParams) -> bool:
        """Whether the Workspace and the Deployment that a list request names exist."""
        state = self._platform.state
        workspace = query.get("workspaceId", state.workspace_id)
        deployment = query.get("deploymentId")
        known = {None, *(one.id for one in state.deployments)}
        return workspace == state.workspace_id and deployment in known


def _names_dags(query: QueryParams) -> bool:
    """Whether a list request asks for users with a role in a DAG; no user has one."""
    return "dagId" in query or "dagTags" in query


def _page(
    rows: list[Json],
    query: QueryParams,
    name: str,
    keys: tuple[str, ...],
    *,
    max_limit: int | None = 1000,
) -> Json:
    """Sort rows by the documented keys of a list, and return one page of them."""
    allowed = [f"{key}:{order}" for key in keys for order in ("asc", "desc")]
    for sort in reversed(choices(query, "sorts", allowed)):
        key, _, order = sort.partition(":")
        rows = sorted(rows, key=sort_key(key), reverse=order == "desc")
    return paginate(rows, query, name, lambda row: row, max_limit=max_limit)
