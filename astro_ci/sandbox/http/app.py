"""Combine all parts in one application: routes, errors, and unknown paths."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from astro_ci.sandbox.http.api.routing import error_response
from astro_ci.sandbox.http.blob_api import BLOB_METHODS, BlobApi
from astro_ci.sandbox.http.faults import FaultMiddleware, Faults
from astro_ci.sandbox.http.login import Login
from astro_ci.sandbox.http.pages import Pages, is_page
from astro_ci.sandbox.http.pages.render import refused
from astro_ci.sandbox.http.registry_api import RegistryApi
from astro_ci.sandbox.http.request_log import RequestLine, RequestLog
from astro_ci.text import printable

log = logging.getLogger(__name__)


def build_app(
    *,
    api: Sequence[Route],
    login: Login,
    blobs: BlobApi,
    registry: RegistryApi,
    pages: Pages,
    faults: Faults,
    requests: deque[RequestLine],
    now: Callable[[], float],
    drop_connection: Callable[[Scope], None],
) -> ASGIApp:
    """Make the ASGI application, which adds every answered request to `requests`."""
    routes = [
        *api,
        *login.routes(),
        Route("/blobs/{name:path}", blobs.handle, methods=[*BLOB_METHODS]),
        Route("/v2/{path:path}", registry.handle, methods=_REGISTRY_METHODS),
        *pages.routes(),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            404: _not_found,
            405: _not_offered,
            500: _bug,
            ClientDisconnect: _disconnected,
        },
    )
    app.router.redirect_slashes = False
    return RequestLog(FaultMiddleware(app, faults, drop_connection), requests, now, is_page)


_REGISTRY_METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"]


async def _not_found(request: Request, _exception: Exception) -> Response:
    return refused(request, 404, f"There is nothing at {request.method} {request.url.path}")


async def _not_offered(request: Request, exception: Exception) -> Response:
    what = f"{request.method} {request.url.path}"
    answer = error_response(405, f"The sandbox does not offer {what}")
    if isinstance(exception, HTTPException):
        answer.headers.update(exception.headers or {})
    return answer


async def _disconnected(_request: Request, _exception: Exception) -> Response:
    """End a request whose client has disconnected; nobody reads the response."""
    return Response(status_code=400)


async def _bug(request: Request, exception: Exception) -> Response:
    log.error("%s %s failed", request.method, printable(request.scope["path"]), exc_info=exception)
    return error_response(500, "Internal Server Error")
