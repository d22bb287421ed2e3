"""Routes, request bodies and error responses of all operations of the v1 API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.platform.reading import Body, read_body
from astro_ci.sandbox.platform.refusal import FieldProblem, Refusal
from astro_ci.sandbox.store.ids import new_id

MAX_BODY_BYTES = 1 << 20

Endpoint = Callable[[Request], Awaitable[Response]]


def route(path: str, **endpoints: Endpoint) -> Route:
    """Make the route of a path, with an endpoint for each method."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        try:
            return await endpoints[method](request)
        except Refusal as refusal:
            return error_response(refusal.status, refusal.message, refusal.fields)

    return Route(path, answer, methods=list(endpoints))


def error_response(status: int, message: str, fields: Sequence[FieldProblem] = ()) -> Response:
    """Make a response whose body is of schema Error."""
    request_id = new_id()
    body: dict[str, object] = {"message": message, "requestId": request_id, "statusCode": status}
    if fields:
        body["fieldErrors"] = [asdict(problem) for problem in fields]
    return JSONResponse(body, status, {"x-request-id": request_id})


async def raw_body(request: Request) -> bytes:
    """Read a request's body. Raises Refusal 400 for a body that is larger than the limit."""
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise Refusal(400, "Invalid request: the body is too large")
    return raw


async def body_of(request: Request, kind: type[Body]) -> Body:
    """Read a request's body and check it against a schema. Raises Refusal 400."""
    return read_body(await raw_body(request), kind)
