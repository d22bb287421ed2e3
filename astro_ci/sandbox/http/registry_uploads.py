"""Uploads of blobs to the image registry: whole, in chunks, resumed, or mounted.

Source: the OCI Distribution Specification, version 1.1, "Pushing blobs".
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from astro_ci.sandbox.store.registry import Registry, RegistryRefusal

HEADERS = {"docker-distribution-api-version": "registry/2.0"}
_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/.*)?", re.ASCII)

Parts = dict[str, str]


class UploadsApi:
    """Answers requests about uploads; `may_read` tells if a request may read a repository."""

    def __init__(self, registry: Registry, may_read: Callable[[Request, str], bool]) -> None:
        self._registry = registry
        self._uploads = registry.uploads
        self._may_read = may_read
        self._busy: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By upload: a client that resumes waits for its broken connection to be noticed."""

    async def begin(self, request: Request, parts: Parts) -> Response:
        """Mount a blob, or open an upload; with a digest, upload it at once."""
        query, name = request.query_params, parts["name"]
        if "mount" in query and self._mount(request, name):
            return _created(name, query["mount"])
        # A blob that cannot be mounted has to be uploaded: 202, as for a request without a mount.
        upload_id = self._uploads.begin(name)
        if "digest" not in query:
            return _accepted(name, upload_id, 0)
        await self._uploads.append(name, upload_id, request.stream(), None)
        return await self._finish_as(name, upload_id, query["digest"])

    async def progress(self, request: Request, parts: Parts) -> Response:
        """Return the number of bytes that have arrived."""
        name, upload_id = parts["name"], parts["upload_id"]
        size = self._uploads.size(name, upload_id)
        return _accepted(name, upload_id, size, status=204)

    async def append(self, request: Request, parts: Parts) -> Response:
        """Accept a chunk."""
        name, upload_id = parts["name"], parts["upload_id"]
        async with self._lock(name, upload_id):
            size = self._uploads.size(name, upload_id)
            start, length = _chunk(request, size)
            if start != size:
                return _accepted(name, upload_id, size, status=416)
            size = await self._uploads.append(name, upload_id, request.stream(), length)
        return _accepted(name, upload_id, size)

    async def finish(self, request: Request, parts: Parts) -> Response:
        """Accept the last chunk, if there is one, and close the upload."""
        name, upload_id = parts["name"], parts["upload_id"]
        digest = request.query_params.get("digest")
        if digest is None:
            raise RegistryRefusal(400, "DIGEST_INVALID", "the digest is missing")
        async with self._lock(name, upload_id):
            size = self._uploads.size(name, upload_id)
            start, length = _chunk(request, size)
            if start != size:
                return _accepted(name, upload_id, size, status=416)
            await self._uploads.append(name, upload_id, request.stream(), length)
            answer = await self._finish_as(name, upload_id, digest)
        self._busy.pop(upload_id, None)
        return answer

    async def cancel(self, request: Request, parts: Parts) -> Response:
        """Cancel an upload."""
        self._uploads.cancel(parts["name"], parts["upload_id"])
        self._busy.pop(parts["upload_id"], None)
        return Response(status_code=204, headers=HEADERS)

    def _mount(self, request: Request, name: str) -> bool:
        source, digest = request.query_params.get("from", ""), request.query_params["mount"]
        return self._may_read(request, source) and self._registry.mount(name, digest, source)

    def _lock(self, name: str, upload_id: str) -> asyncio.Lock:
        self._uploads.size(name, upload_id)  # no lock for an unknown upload
        return self._busy[upload_id]

    async def _finish_as(self, name: str, upload_id: str, digest: str) -> Response:
        await asyncio.to_thread(self._registry.finish_upload, name, upload_id, digest)
        return _created(name, digest)


def _chunk(request: Request, size: int) -> tuple[int, int | None]:
    """Read the start and the length of a chunk; None when the request has no range."""
    given = request.headers.get("content-range")
    if given is None:
        return size, None
    found = _RANGE.fullmatch(given)
    if not found or int(found[2]) < int(found[1]):
        raise RegistryRefusal(400, "BLOB_UPLOAD_INVALID", "the Content-Range is malformed")
    return int(found[1]), int(found[2]) - int(found[1]) + 1


def _created(name: str, digest: str) -> Response:
    headers = {"location": f"/v2/{name}/blobs/{digest}", "docker-content-digest": digest}
    return Response(status_code=201, headers=HEADERS | headers)


def _accepted(name: str, upload_id: str, size: int, *, status: int = 202) -> Response:
    headers = {
        "location": f"/v2/{name}/blobs/uploads/{upload_id}",
        "docker-upload-uuid": upload_id,
        "range": f"0-{max(size - 1, 0)}",
    }
    return Response(status_code=status, headers=HEADERS | headers)
