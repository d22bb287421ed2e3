"""Write a blob of the blob store over HTTP, and describe failures without the URL.

The URL is an Azure SAS URL: everyone who has this URL can write the blob. The exceptions of
requests and the logs of urllib3 contain the URL, so neither is shown.
Source: Put Blob, Put Block and Put Block List of the Azure Blob Storage REST API.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote, urlsplit

from astro_ci.errors import ApiError, UnavailableError
from astro_ci.web.logs import keep_queries_out_of_logs
from astro_ci.web.retry import asked_wait, is_worth_repeating

if TYPE_CHECKING:  # loaded while git is running, because requests is slow to load
    import requests

API_VERSION = "2023-11-03"
BLOCK_ID_BYTES = 64
"""The maximum length of a block id."""
_CHUNK_BYTES = 256 * 1024


class BlocksLostError(ApiError):
    """The store has lost the blocks of this upload; this is the effect of a parallel upload."""


class Body:
    """A part of a file as a request's body; its bytes are read while they are sent.

    `on_sent` is called at the first read after the last byte, when all bytes were sent.
    """

    def __init__(
        self,
        file: BinaryIO,
        offset: int,
        length: int,
        on_sent: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = file
        self._on_sent = on_sent
        self._offset = offset
        self._left = length
        self.len = length  # requests reads the Content-Length here
        file.seek(offset)

    def md5(self) -> bytes:
        """Digest the whole part, and return to its start."""
        digest = hashlib.md5(usedforsecurity=False)
        for data in self:
            digest.update(data)
        self._left = self.len
        self._file.seek(self._offset)
        return digest.digest()

    def read(self, size: int = -1) -> bytes:
        """Read more bytes, but not past the end of the part."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._file.read(wanted)
        self._left -= len(data)
        if not data:
            self._on_sent()
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_CHUNK_BYTES), b"")


class Blob:
    """A writable blob. Each method is one request, which is safe to repeat.

    The methods raise UnavailableError when another attempt may succeed, else ApiError.
    """

    def __init__(
        self, url: str, session: requests.Session, timeout_seconds: tuple[float, float]
    ) -> None:
        keep_queries_out_of_logs()
        self._url = url
        self._host = _host(url)
        self._session = session
        self._timeout = timeout_seconds

    def put(self, body: Body, md5: bytes) -> str:
        """Write the blob, and return its new version."""
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "Content-Type": "application/gzip",
            "Content-MD5": _base64(md5),
        }
        return _version(self._send("Put Blob", "", headers, body))

    def put_block(self, block_id: bytes, body: Body) -> None:
        """Store a block; all ids have the same length, at most BLOCK_ID_BYTES."""
        query = f"comp=block&blockid={quote(_base64(block_id), safe='')}"
        self._send("Put Block", query, {"Content-MD5": _base64(body.md5())}, body)

    def put_block_list(self, block_ids: Sequence[bytes], md5: bytes) -> str:
        """Write the blob from its blocks, and return its new version.

        Raises BlocksLostError when the store does not have all blocks.
        """
        latest = "".join(f"<Latest>{_base64(block_id)}</Latest>" for block_id in block_ids)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode()
        headers = {
            "Content-Type": "application/xml",
            "Content-MD5": _base64(hashlib.md5(body, usedforsecurity=False).digest()),
            "x-ms-blob-content-type": "application/gzip",
            "x-ms-blob-content-md5": _base64(md5),
        }
        return _version(self._send("Put Block List", "comp=blocklist", headers, body))

    def _send(
        self, what: str, query: str, headers: dict[str, str], body: bytes | Body
    ) -> requests.Response:
        joiner = "&" if urlsplit(self._url).query else "?"
        what = f"{what} to the blob store at {self._host}"
        problem = ""
        hint = "Check that the job's network (proxy, firewall) allows connections to that host."
        try:
            response = self._session.put(
                f"{self._url}{joiner}{query}" if query else self._url,
                data=body,
                headers={
                    "x-ms-version": API_VERSION,
                    **headers,
                },
                timeout=self._timeout,
                allow_redirects=False,
            )
        except OSError as error:  # those of requests among them
            from astro_ci.web.failure import UNTRUSTED, authority_hint, describe

            problem = describe(error)
            if problem == UNTRUSTED:
                hint = authority_hint(_host(self._url))
        if problem:
            # Outside of the handler, so that the error has no context, which contains the URL.
            raise UnavailableError(f"{what} got no answer: {problem}", hint=hint)
        if response.status_code != 201:
            raise _refusal(what, response)
        return response


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    if not host:
        raise ApiError(
            "the Astro API returned something that is not a URL to upload the DAG bundle to",
            hint="Run the job again; if it happens again, contact Astronomer's support.",
        )
    return host


def _version(response: requests.Response) -> str:
    version = response.headers.get("x-ms-version-id", "").strip()
    if not version:
        raise ApiError(
            "the blob store accepted the DAG bundle but returned no version for it "
            "(no header x-ms-version-id), so the deploy cannot be finalized",
            hint="Check that no proxy removes the header; if none does, contact Astronomer's "
            "support.",
            status=response.status_code,
            request_id=_request_id(response),
        )
    return version


def _refusal(what: str, response: requests.Response) -> ApiError:
    status, code = response.status_code, _error_code(response)
    kind: type[ApiError] = ApiError
    message = f"{what} was refused with {status} {code}".rstrip()
    hint = "Run the job again; if it happens again, send the request id to Astronomer's support."
    if is_worth_repeating(status) or code == "Md5Mismatch":
        kind = UnavailableError
        hint = "Run the job again: the blob store or the network has a problem."
    elif code == "InvalidBlockList":
        kind = BlocksLostError
        hint = "Run only one deploy of this Deployment at a time."
    elif not any(name.lower().startswith("x-ms-") for name in response.headers):
        hint = (
            "Allow PUT requests to the blob store in the proxy or firewall, which sent this answer."
        )
    elif status == 403:
        message += ": the upload URL of this deploy has expired or is not valid here"
        hint = "Run the job again to get a new URL; if that fails too, check the runner's clock."
    error = kind(message, hint=hint, status=status, request_id=_request_id(response))
    if isinstance(error, UnavailableError):
        error.retry_after_seconds = asked_wait(response.headers)
    return error


def _error_code(response: requests.Response) -> str:
    """Return Azure's error code; nothing else of the response is repeated."""
    code = response.headers.get("x-ms-error-code", "")
    if not code and (found := re.search(rb"<Code>([A-Za-z0-9]+)</Code>", response.content[:4096])):
        code = found[1].decode()
    return code if re.fullmatch("[A-Za-z0-9]{1,80}", code) else ""


def _request_id(response: requests.Response) -> str | None:
    request_id = response.headers.get("x-ms-request-id", "")
    return request_id if re.fullmatch(r"[\w-]{1,80}", request_id) else None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
