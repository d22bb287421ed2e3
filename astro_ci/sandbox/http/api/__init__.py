"""The v1 API over HTTP. Source: the operations of the same names in the API document."""

from __future__ import annotations

from starlette.routing import Route

from astro_ci.sandbox.http.api.access import Access
from astro_ci.sandbox.http.api.deployments import DeploymentsApi
from astro_ci.sandbox.http.api.deploys import DeploysApi
from astro_ci.sandbox.http.api.organizations import OrganizationsApi
from astro_ci.sandbox.http.api.people import PeopleApi
from astro_ci.sandbox.http.presenter import Presenter
from astro_ci.sandbox.platform.platform import Platform


def api_routes(platform: Platform, presenter: Presenter) -> list[Route]:
    """List the routes under /v1/."""
    access = Access(platform)
    return [
        *OrganizationsApi(access).routes(),
        *PeopleApi(access).routes(),
        *DeploymentsApi(access, presenter).routes(),
        *DeploysApi(access, presenter).routes(),
    ]
