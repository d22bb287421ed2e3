"""The image registry over HTTP.

Login is HTTP Basic, with the user `cli` and an Astro token as the password. A token can reach the
repositories of the Deployments that it can see; there are no other repositories.
Source: the OCI Distribution Specification, version 1.1.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from astro_ci.sandbox.http.registry_uploads import HEADERS, UploadsApi
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.tokens import Identity, identify
from astro_ci.sandbox.store.registry import Registry, RegistryRefusal

USERNAME = "cli"
MAX_MANIFEST_BYTES = 4 << 20

_ROUTES = (
    (re.compile(r"(?P<name>.+)/blobs/uploads/?"), "uploads"),
    (re.compile(r"(?P<name>.+)/blobs/uploads/(?P<upload_id>[^/]+)"), "upload"),
    (re.compile(r"(?P<name>.+)/blobs/(?P<digest>[^/]+)"), "blob"),
    (re.compile(r"(?P<name>.+)/manifests/(?P<reference>[^/]+)"), "manifest"),
    (re.compile(r"(?P<name>.+)/tags/list"), "tags"),
)

Handler = Callable[[Request, "dict[str, str]"], Awaitable[Response]]


class RegistryApi:
    """Answers all requests under /v2/."""

    def __init__(self, registry: Registry, platform: Platform) -> None:
        self._registry = registry
        self._platform = platform
        uploads = UploadsApi(registry, self._may_read)
        self._handlers: dict[tuple[str, str], Handler] = {
            ("POST", "uploads"): uploads.begin,
            ("GET", "upload"): uploads.progress,
            ("PATCH", "upload"): uploads.append,
            ("PUT", "upload"): uploads.finish,
            ("DELETE", "upload"): uploads.cancel,
            ("GET", "blob"): self._blob,
            ("HEAD", "blob"): self._blob,
            ("GET", "manifest"): self._manifest,
            ("HEAD", "manifest"): self._manifest,
            ("PUT", "manifest"): self._put_manifest,
            ("GET", "tags"): self._tags,
        }

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        try:
            return await self._answer(request)
        except RegistryRefusal as refusal:
            return _error(refusal)

    async def _answer(self, request: Request) -> Response:
        identity = self._login(request)
        path = request.path_params["path"]
        if not path:
            return JSONResponse({}, headers=HEADERS)
        for pattern, kind in _ROUTES:
            if match := pattern.fullmatch(path):
                parts = match.groupdict()
                self._authorize(identity, parts["name"])
                handler = self._handlers.get((request.method, kind))
                if handler is None:
                    raise self._unsupported(kind)
                return await handler(request, {**parts, "subject": identity.subject})
        raise RegistryRefusal(404, "NAME_UNKNOWN", "repository name not known to registry")

    def _login(self, request: Request) -> Identity:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            if scheme.lower() != "basic":
                raise ValueError(scheme)
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            if user != USERNAME:
                raise ValueError(user)
            # The Astro CLI first sends the token with `Bearer` in front of it.
            token = password.removeprefix("Bearer ")
            return identify(token, self._platform.state, self._platform.now())
        except (ValueError, Refusal) as exc:
            detail = _wanted(request.path_params["path"])
            raise RegistryRefusal(401, "UNAUTHORIZED", "authentication required", detail) from exc

    def _unsupported(self, kind: str) -> RegistryRefusal:
        allowed = sorted(method for method, known in self._handlers if known == kind)
        refusal = RegistryRefusal(405, "UNSUPPORTED", "the operation is unsupported")
        refusal.headers["allow"] = ", ".join(allowed)
        return refusal

    def _authorize(self, identity: Identity, name: str) -> None:
        """Refuse a repository of no Deployment, or of a Deployment that the token cannot see."""
        for deployment in self._platform.state.deployments:
            if self._platform.repository(deployment) == name:
                if identity.sees(deployment):
                    return
                message = "requested access to the resource is denied"
                raise RegistryRefusal(403, "DENIED", message, _wanted(name))
        raise RegistryRefusal(404, "NAME_UNKNOWN", "repository name not known to registry", name)

    def _may_read(self, request: Request, name: str) -> bool:
        try:
            self._authorize(self._login(request), name)
        except RegistryRefusal:
            return False
        return True

    # --- reading, manifests ----------------------------------------------------------------------

    async def _blob(self, request: Request, parts: dict[str, str]) -> Response:
        path = self._registry.blob(parts["name"], parts["digest"])
        headers = HEADERS | {"docker-content-digest": parts["digest"]}
        return FileResponse(path, headers=headers, media_type="application/octet-stream")

    async def _manifest(self, request: Request, parts: dict[str, str]) -> Response:
        manifest = self._registry.manifest(parts["name"], parts["reference"])
        headers = HEADERS | {"docker-content-digest": manifest.digest}
        return FileResponse(manifest.path, headers=headers, media_type=manifest.media_type)

    async def _put_manifest(self, request: Request, parts: dict[str, str]) -> Response:
        raw = b""
        async for chunk in request.stream():
            raw += chunk
            if len(raw) > MAX_MANIFEST_BYTES:
                raise RegistryRefusal(413, "MANIFEST_INVALID", "the manifest is too large")
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        name = parts["name"]
        digest = self._registry.put_manifest(name, parts["reference"], media_type, raw)
        headers = {"location": f"/v2/{name}/manifests/{digest}", "docker-content-digest": digest}
        return Response(status_code=201, headers=HEADERS | headers)

    async def _tags(self, request: Request, parts: dict[str, str]) -> Response:
        tags = self._registry.tags(parts["name"])
        last = request.query_params.get("last", "")
        count = request.query_params.get("n", "")
        page = [tag for tag in tags if tag > last]
        headers = dict(HEADERS)
        if count and not count.isdecimal():
            raise RegistryRefusal(400, "PAGINATION_NUMBER_INVALID", "n is not a number")
        if count and int(count) < len(page):
            page = page[: int(count)]
            more = urlencode({"n": count, "last": page[-1] if page else last})
            headers["link"] = f'</v2/{parts["name"]}/tags/list?{more}>; rel="next"'
        return JSONResponse({"name": parts["name"], "tags": page}, headers=headers)


def _wanted(name: str) -> object:
    """Add what was refused as the detail: without it, Docker takes a refusal for a brief fault.

    Docker would then try again five times, which takes most of a minute.
    """
    return [{"Type": "repository", "Name": name}]


def _error(refusal: RegistryRefusal) -> Response:
    error = {"code": refusal.code, "message": refusal.message, "detail": refusal.detail}
    headers = HEADERS | refusal.headers
    if refusal.status == 401:
        headers["www-authenticate"] = 'Basic realm="Astro"'
    return JSONResponse({"errors": [error]}, refusal.status, headers)
