"""The blob store over HTTP, as Azure's clients expect it.

Source: Put Blob, Put Block, Put Block List, Get Blob and Get Blob Properties of the Azure Blob
Storage REST API.
"""

from __future__ import annotations

import asyncio
import re
from email.utils import formatdate
from uuid import uuid4
from xml.parsers import expat
from xml.sax.saxutils import escape

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.sas import SERVICE_VERSION, check_query
from astro_ci.sandbox.store.blobs import BlobError, BlobStore, Incoming, bad_parameter, is_md5

VERSIONED_SINCE = "2019-12-12"
MAX_BLOCK_LIST_BYTES = 8 << 20
OFFERED_METHODS = ("GET", "HEAD", "PUT")
BLOB_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
"""The methods that get a response in the store's own format, even if it is an error."""
_KINDS = ("Committed", "Uncommitted", "Latest")
_SERVICE_VERSION = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class BlobApi:
    """Answers all requests under /blobs/."""

    def __init__(self, store: BlobStore, platform: Platform) -> None:
        self._store = store
        self._platform = platform

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        try:
            return await self._answer(request)
        except BlobError as error:
            return _error(request, error)

    async def _answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        if request.method not in OFFERED_METHODS:
            raise BlobError(
                405, "UnsupportedHttpVerb", "The resource doesn't support specified Http Verb."
            )
        if not _SERVICE_VERSION.fullmatch(request.headers.get("x-ms-version", SERVICE_VERSION)):
            raise _bad_header("x-ms-version")
        if "authorization" in request.headers:
            # The blob store takes no token, so a client that sends a token leaks it.
            raise BlobError(
                400,
                "InvalidAuthenticationInfo",
                "Authentication information is not given in the correct format. Check the value "
                "of Authorization header.",
            )
        platform = self._platform
        check_query(name, request.query_params, request.method, platform.state, platform.now())
        if request.method != "PUT":
            return self._get(request, name)
        match request.query_params.get("comp"):
            case None:
                return await self._put_blob(request, name)
            case "block":
                return await self._put_block(request, name)
            case "blocklist":
                return await self._put_block_list(request, name)
            case _:
                raise bad_parameter()

    async def _put_blob(self, request: Request, name: str) -> Response:
        kind = request.headers.get("x-ms-blob-type")
        if kind is None:
            raise _missing_header("x-ms-blob-type")
        if kind != "BlockBlob":
            raise _bad_header("x-ms-blob-type")
        incoming = await self._receive(request)
        return _created(request, self._store.put(name, incoming), incoming.md5)

    async def _put_block(self, request: Request, name: str) -> Response:
        block_id = request.query_params.get("blockid", "")
        incoming = await self._receive(request)
        self._store.put_block(name, block_id, incoming)
        return _created(request, None, incoming.md5)

    async def _put_block_list(self, request: Request, name: str) -> Response:
        incoming = await self._receive(request)
        if incoming.path.stat().st_size > MAX_BLOCK_LIST_BYTES:
            incoming.path.unlink()
            raise BlobError(413, "RequestBodyTooLarge", "The request body is too large.")
        document = incoming.path.read_bytes()
        incoming.path.unlink()
        kept = request.headers.get("x-ms-blob-content-md5")
        if kept is not None and not is_md5(kept):
            raise _bad_header("x-ms-blob-content-md5")
        listed = block_ids_in(document)
        block_ids = [block_id for _, block_id in listed]
        version = self._store.commit_again(name, block_ids)
        if version is None and any(kind == "Committed" for kind, _ in listed):
            raise BlobError(400, "InvalidBlockList", "The specified block list is invalid.")
        if version is None:
            taken = self._store.take_blocks(name, block_ids)
            joined = await asyncio.to_thread(self._store.join, taken, block_ids)
            version = self._store.put_joined(name, joined, block_ids)
        return _created(request, version, None)

    async def _receive(self, request: Request) -> Incoming:
        if "content-length" not in request.headers:
            raise BlobError(
                411, "MissingContentLengthHeader", "Content-Length HTTP header is missing."
            )
        return await self._store.receive(request.stream(), request.headers.get("content-md5"))

    def _get(self, request: Request, name: str) -> Response:
        if asked := request.headers.get(
            "x-ms-range"
        ):  # Azure's SDKs send this header instead of Range
            request.scope["headers"].append((b"range", asked.encode("latin-1")))
        wanted = request.query_params.get("versionid")
        version, path = self._store.version_path(name, wanted)
        headers = _headers(request, version) | {"x-ms-blob-type": "BlockBlob"}
        return FileResponse(path, headers=headers, media_type="application/octet-stream")


def block_ids_in(document: bytes) -> list[tuple[str, str]]:
    """Read a block list: the kind of list and the id of each block. Raises BlobError 400."""
    parser = expat.ParserCreate()
    listed: list[tuple[str, str]] = []
    inside: list[str] = []

    def start(tag: str, _attributes: dict[str, str]) -> None:
        if len(inside) > 1 or tag not in (_KINDS if inside else ("BlockList",)):
            raise expat.ExpatError(f"{tag} is not expected")
        inside.append(tag)
        if len(inside) > 1:
            listed.append((tag, ""))

    def text(data: str) -> None:
        if len(inside) > 1:
            kind, block_id = listed[-1]
            listed[-1] = kind, block_id + data

    def end(_tag: str) -> None:
        inside.pop()

    def doctype(*_: object) -> None:
        raise expat.ExpatError("a document type is not expected")

    parser.StartElementHandler = start
    parser.CharacterDataHandler = text
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(document, True)
    except expat.ExpatError as exc:
        raise BlobError(
            400, "InvalidXmlDocument", "XML specified is not syntactically valid."
        ) from exc
    return [(kind, block_id.strip()) for kind, block_id in listed]


def _created(request: Request, version: str | None, md5: str | None) -> Response:
    headers = _headers(request, version) | {"x-ms-request-server-encrypted": "true"}
    if md5 is not None:
        headers["content-md5"] = md5
    return Response(status_code=201, headers=headers)


def _headers(request: Request, version: str | None) -> dict[str, str]:
    spoken = request.headers.get("x-ms-version", request.query_params.get("sv", SERVICE_VERSION))
    headers = {
        "x-ms-request-id": str(uuid4()),
        "x-ms-version": spoken,
        "last-modified": formatdate(usegmt=True),
    }
    if version is not None:
        headers["etag"] = f'"{version}"'
        if spoken >= VERSIONED_SINCE:
            headers["x-ms-version-id"] = version
    return headers


def _bad_header(name: str) -> BlobError:
    return BlobError(
        400,
        "InvalidHeaderValue",
        f"The value for one of the HTTP headers is not in the correct format: {name}.",
    )


def _missing_header(name: str) -> BlobError:
    return BlobError(
        400,
        "MissingRequiredHeader",
        f"An HTTP header that's mandatory for this request is not specified: {name}.",
    )


def _error(request: Request, error: BlobError) -> Response:
    body = (
        '<?xml version="1.0" encoding="utf-8"?>'
        f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
    )
    headers = _headers(request, None) | {"x-ms-error-code": error.code}
    if error.status == 405:
        headers["allow"] = ", ".join(OFFERED_METHODS)
    return Response(body, error.status, headers, media_type="application/xml")
