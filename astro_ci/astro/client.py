"""The client for the Astro API, version 1: each method calls an endpoint and returns values."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from astro_ci.errors import ApiError
from astro_ci.model import ApiDeployType, Deploy, DeployGit, Deployment, RuntimeRelease
from astro_ci.text import unicode
from astro_ci.web.failure import is_json
from astro_ci.web.http import Http

if TYPE_CHECKING:  # loaded to wake a Deployment up
    from astro_ci.astro.hibernation import Hibernation, Override

T = TypeVar("T")

PAGE = 100
FIRST_PAGE = 20


class _Organization(msgspec.Struct):
    id: str
    name: str = ""


class _Organizations(msgspec.Struct, rename="camel"):
    organizations: list[_Organization]
    total_count: int


class _Deployments(msgspec.Struct, rename="camel"):
    deployments: list[Deployment]
    total_count: int


class DeploysPage(msgspec.Struct, frozen=True, rename="camel"):
    """Some deploys of a Deployment, newest first."""

    deploys: Sequence[Deploy]
    total_count: int


class _DeploymentOptions(msgspec.Struct, rename="camel"):
    runtime_releases: list[RuntimeRelease]


class AstroClient:
    """The part of the API for an Organization.

    Every method raises ApiError (NotFoundError, UnavailableError) or AuthenticationError.
    """

    def __init__(self, http: Http, organization_id: str) -> None:
        self._http = http
        self._organization = f"/v1/organizations/{organization_id}"

    def within(self, seconds: float) -> AstroClient:
        """Return a copy that does not retry and times out after `seconds`; for polling."""
        found = copy.copy(self)
        found._http = self._http.within(seconds)
        return found

    def get_deployment(self, deployment_id: str) -> Deployment:
        """Read a Deployment. Source: GET /organizations/{o}/deployments/{d}."""
        return self._get(f"/deployments/{deployment_id}", Deployment)

    def read_deployment(self, deployment_id: str) -> dict[str, Any]:
        """Read all fields of a Deployment, including unknown fields.

        Source: GET /organizations/{o}/deployments/{d}.
        """
        return self._get(f"/deployments/{deployment_id}", dict[str, Any])

    def update_deployment(self, deployment_id: str, body: Mapping[str, Any]) -> None:
        """Replace all settings of a Deployment with those of the body.

        Source: POST /organizations/{o}/deployments/{d}.
        """
        self._post(f"/deployments/{deployment_id}", body, dict[str, Any])

    def get_hibernation(self, deployment_id: str) -> Hibernation:
        """Read whether a Deployment sleeps, and its override.

        Source: GET /organizations/{o}/deployments/{d}.
        """
        from astro_ci.astro.hibernation import SleepingDeployment

        return self._get(f"/deployments/{deployment_id}", SleepingDeployment).hibernation

    def override_hibernation(self, deployment_id: str, override: Override) -> None:
        """Set a hibernation override. Source: POST .../hibernation-override."""
        from astro_ci.astro.hibernation import override_body

        body = override_body(override)
        self._post(f"/deployments/{deployment_id}/hibernation-override", body, dict[str, Any])

    def end_hibernation_override(self, deployment_id: str) -> None:
        """Remove a hibernation override. Source: DELETE .../hibernation-override."""
        path = f"{self._organization}/deployments/{deployment_id}/hibernation-override"
        self._http.delete(path)

    def list_deployments(
        self, *, names: Sequence[str] = (), workspace_ids: Sequence[str] = ()
    ) -> Iterator[Deployment]:
        """List the Deployments that the token sees. Source: GET /organizations/{o}/deployments."""
        query = {"names": list(names), "workspaceIds": list(workspace_ids)}
        offset = 0
        while True:
            page = self._get("/deployments", _Deployments, query | _page(offset, PAGE))
            yield from page.deployments
            offset += len(page.deployments)
            if not page.deployments or offset >= page.total_count:
                return

    def newest_deploys(self, deployment_id: str) -> DeploysPage:
        """List the newest deploys. Source: GET /organizations/{o}/deployments/{d}/deploys."""
        return self._deploys(deployment_id, 0, FIRST_PAGE)

    def list_deploys(
        self, deployment_id: str, *, newest: DeploysPage | None = None
    ) -> Iterator[Deploy]:
        """Yield a Deployment's deploys, newest first; a page is read when it is needed.

        `newest` is the first page, if it was read before. A deploy that is created meanwhile moves
        the pages; a deploy that was already yielded is skipped.
        Source: GET /organizations/{o}/deployments/{d}/deploys.
        """
        seen: set[str] = set()
        offset, page = 0, newest or self.newest_deploys(deployment_id)
        while True:
            yield from (deploy for deploy in page.deploys if deploy.id not in seen)
            seen.update(deploy.id for deploy in page.deploys)
            offset += len(page.deploys)
            if not page.deploys or offset >= page.total_count:
                return
            page = self._deploys(deployment_id, offset, PAGE)

    def get_deploy(self, deployment_id: str, deploy_id: str) -> Deploy:
        """Read a deploy. Source: GET .../deploys/{id}."""
        return self._get(f"/deployments/{deployment_id}/deploys/{deploy_id}", Deploy)

    def create_deploy(
        self,
        deployment_id: str,
        deploy_type: ApiDeployType,
        *,
        description: str,
        git: DeployGit | None,
    ) -> Deploy:
        """Create a deploy, which has the push and upload addresses. Source: POST .../deploys."""
        body: dict[str, Any] = {"type": deploy_type, "description": unicode(description)}
        if git:
            fields = msgspec.to_builtins(git)
            body["git"] = {name: unicode(value) for name, value in fields.items()}
        return self._post(f"/deployments/{deployment_id}/deploys", body, Deploy)

    def finalize_deploy(
        self, deployment_id: str, deploy_id: str, *, bundle_version: str | None
    ) -> Deploy:
        """Finalize a deploy; a version of None means no bundle. Source: POST .../finalize."""
        body = {"dagTarballVersion": bundle_version} if bundle_version else {}
        path = f"/deployments/{deployment_id}/deploys/{deploy_id}/finalize"
        return self._post(path, body, Deploy)

    def list_runtimes(self, deployment_id: str) -> list[RuntimeRelease]:
        """List the Runtime versions to choose from. Source: GET .../deployment-options."""
        query = {"deploymentId": deployment_id}
        return self._get("/deployment-options", _DeploymentOptions, query).runtime_releases

    def _deploys(self, deployment_id: str, offset: int, limit: int) -> DeploysPage:
        path = f"/deployments/{deployment_id}/deploys"
        return self._get(path, DeploysPage, _page(offset, limit))

    def _get(self, path: str, kind: type[T], query: Mapping[str, Any] | None = None) -> T:
        path = f"{self._organization}{path}"
        content = self._http.get(path, params=query)
        return decode(content, kind, f"GET {self._http.base_url}{path}")

    def _post(self, path: str, body: Mapping[str, Any], kind: type[T]) -> T:
        path = f"{self._organization}{path}"
        content = self._http.post(path, json=body)
        return decode(content, kind, f"POST {self._http.base_url}{path}")


def list_organization_ids(http: Http) -> list[str]:
    """List the Organizations that the token can see. Source: GET /organizations."""
    path = "/v1/organizations"
    what = f"GET {http.base_url}{path}"
    found = decode(http.get(path, params=_page(0, PAGE)), _Organizations, what)
    return [organization.id for organization in found.organizations]


def decode(content: bytes, kind: type[T], what: str) -> T:
    """Turn an answer into a value. Raises ApiError naming the endpoint and the key that is off."""
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        sent = str(error) if is_json(content) else "a web page or other text instead of JSON"
        raise ApiError(
            f"{what} returned a response that cannot be read: {sent}",
            hint="Check ASTRO_DOMAIN and ASTRO_API_URL, and that no proxy answers for Astro.",
        ) from error


def _page(offset: int, limit: int) -> dict[str, Any]:
    return {"offset": offset, "limit": limit}
