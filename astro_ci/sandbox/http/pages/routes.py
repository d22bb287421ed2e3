"""The routes of the pages. A deploy prints the URL of its Deployment's page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from importlib.resources import files

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from astro_ci.sandbox.http.pages.facts import PageFacts
from astro_ci.sandbox.http.pages.render import HEADERS, is_addressed_here, refused, render
from astro_ci.sandbox.http.request_log import RequestLine
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.state import DeploymentRecord

ANYONE = Identity(subject="")
"""Pages show no secrets and need no login, because only this machine can reach them."""
DEPLOYMENT = "/{workspace_id}/deployments/{deployment_id}"
TAB = "/{tab:str}"
"""Astro has several pages below a Deployment's page; here they all show the same page."""
LOOK_SECONDS = 0.25
_STATIC = {"style.css": "text/css", "live.js": "text/javascript"}
_PAGES = re.compile(r"/|/-/[^/]+|/[^/]+/deployments/.*")


def is_page(path: str) -> bool:
    """Whether a path is a page's path; a request for a page is not a request to Astro."""
    return bool(_PAGES.fullmatch(path)) and not path.startswith(("/v1/", "/v2/", "/blobs/"))


class Pages:
    """Answers requests of browsers."""

    def __init__(
        self, platform: Platform, requests: Sequence[RequestLine], is_stopping: Callable[[], bool]
    ) -> None:
        self._platform = platform
        self._facts = PageFacts(platform, requests)
        self._is_stopping = is_stopping

    def routes(self) -> list[Route]:
        """List the routes of the pages; these routes come after all others."""
        return [
            Route("/", self._guarded(self.home)),
            Route("/-/events", self._guarded(self.events)),
            Route("/-/{name}", self._guarded(self.static)),
            Route(DEPLOYMENT, self._guarded(self.deployment)),
            Route(DEPLOYMENT + "/deploys/{deploy_id}", self._guarded(self.deploy)),
            Route(DEPLOYMENT + TAB, self._guarded(self.deployment)),
            Route("/{namespace}", self._guarded(self.airflow)),
        ]

    async def home(self, request: Request) -> Response:
        facts = await run_in_threadpool(self._facts.home)
        return render("home.html", request, facts)

    async def deployment(self, request: Request) -> Response:
        record = self._record(request)
        facts = await run_in_threadpool(self._facts.deployment, record)
        return render("deployment.html", request, facts)

    async def deploy(self, request: Request) -> Response:
        record = self._record(request)
        deploy = self._platform.deploy(record, request.path_params["deploy_id"])
        facts = await run_in_threadpool(self._facts.deploy, record, deploy)
        return render("deploy.html", request, facts)

    async def airflow(self, request: Request) -> Response:
        """Redirect the URL of a Deployment's Airflow to the Deployment's page."""
        for record in self._platform.deployments(ANYONE):
            if record.namespace == request.path_params["namespace"]:
                return RedirectResponse(self._facts.url(record), 302, HEADERS)
        raise Refusal(404, "There is no such page")

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _STATIC:
            raise Refusal(404, "There is no such page")
        content = files(__package__).joinpath("static", name).read_bytes()
        return Response(content, headers=HEADERS, media_type=_STATIC[name])

    async def events(self, request: Request) -> Response:
        """Send an event each time that something has changed."""
        return StreamingResponse(
            self._changes(request), headers=HEADERS, media_type="text/event-stream"
        )

    async def _changes(self, request: Request) -> AsyncIterator[str]:
        seen = self._facts.version()
        yield "retry: 1000\n\n"
        while not self._is_stopping() and not await request.is_disconnected():
            await asyncio.sleep(LOOK_SECONDS)
            found = self._facts.version()
            if found != seen:
                seen = found
                yield "data: changed\n\n"

    def _record(self, request: Request) -> DeploymentRecord:
        if request.path_params["workspace_id"] != self._platform.state.workspace_id:
            raise Refusal(404, "There is no such Workspace")
        return self._platform.deployment(ANYONE, request.path_params["deployment_id"])

    def _guarded(self, answer: Callable[[Request], object]) -> Callable[[Request], object]:
        async def guarded(request: Request) -> Response:
            if not is_addressed_here(request):
                return refused(request, 403, "This sandbox only answers requests for localhost.")
            try:
                found = await answer(request)  # type: ignore[misc]
            except Refusal as refusal:
                return refused(request, refusal.status, refusal.message)
            assert isinstance(found, Response)  # noqa: S101
            return found

        return guarded
