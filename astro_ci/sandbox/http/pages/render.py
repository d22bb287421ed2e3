"""Render pages as HTML: every value is escaped, and only the sandbox's own script can run."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from astro_ci.sandbox.store.ids import new_id, timestamp
from astro_ci.text import moment_text, printable

if TYPE_CHECKING:
    from jinja2 import Environment

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
HOSTS = ("localhost", "127.0.0.1", "::1")
REFRESH_SECONDS = 5


def render(
    template: str, request: Request, facts: dict[str, object], status: int = 200
) -> Response:
    """Make a page."""
    shown = {
        **facts,
        "here": request.url.path,
        # Without JavaScript a page reloads only on request: automatic reloads disturb screen
        # readers.
        "refresh": REFRESH_SECONDS if "refresh" in request.query_params else 0,
        "refresh_seconds": REFRESH_SECONDS,
    }
    return HTMLResponse(_templates().get_template(template).render(shown), status, HEADERS)


def refused(request: Request, status: int, message: str) -> Response:
    """Return an error: a page for browsers, a body of schema Error for other clients."""
    if "text/html" in request.headers.get("accept", ""):
        return render("refused.html", request, {"status": status, "message": message}, status)
    request_id = new_id()
    body = {"message": message, "requestId": request_id, "statusCode": status}
    return JSONResponse(body, status, HEADERS | {"x-request-id": request_id})


def is_addressed_here(request: Request) -> bool:
    """Whether the request's Host header is a name of this machine itself.

    Otherwise a foreign website could read the pages, through a host name that resolves to this
    machine (DNS rebinding).
    """
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname in HOSTS
    except ValueError:
        return False


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("astro_ci.sandbox.http.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every value that a template prints passes here, where control characters become visible.
        finalize=_visible,
    )
    environment.filters |= {"moment": _moment, "clock": _clock, "size": _size, "link": _link}
    return environment


def _visible(value: object) -> object:
    if isinstance(value, Markup):
        return value
    return printable(value) if isinstance(value, str) else value


def _moment(seconds: float) -> Markup:
    """Format a moment as date and time in UTC."""
    shown = moment_text(seconds, has_seconds=True)
    return Markup('<time datetime="{}">{}</time>').format(timestamp(seconds), shown)


def _clock(seconds: float) -> Markup:
    """Format a moment as time of day in UTC."""
    shown = datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")
    return Markup('<time datetime="{}">{}</time>').format(timestamp(seconds), shown)


def _size(count: int) -> str:
    """Format a number of bytes."""
    if count < 1000:
        return f"{count} B"
    for unit in ("kB", "MB", "GB"):
        count_in = count / 1000 ** ("kB", "MB", "GB").index(unit) / 1000
        if count_in < 1000 or unit == "GB":
            return f"{count_in:.1f} {unit}"
    raise AssertionError("unreachable")


def _link(text: str, url: object) -> str | Markup:
    """Make a link of a text if a browser may safely follow the URL."""
    try:
        is_web = urlsplit(str(url or "")).scheme in ("http", "https")
    except ValueError:
        is_web = False
    if not is_web:
        return text
    anchor = Markup('<a href="{}" rel="noopener noreferrer external">{}</a>')
    return anchor.format(str(url), printable(text))
