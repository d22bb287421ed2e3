"""Bring a blob to a registry: by a mount, or whole, or in chunks, which survive a lost connection.

Source: the OCI Distribution Specification, version 1.1, "Pushing blobs".
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlencode, urlsplit

import requests
from msgspec import Struct

from astro_ci.errors import RegistryError
from astro_ci.image.registry.connection import Body, Connection
from astro_ci.image.registry.content import Content
from astro_ci.image.registry.failure import StatusError, TransientRegistryError, release
from astro_ci.image.registry.login import Scopes
from astro_ci.web.retry import may_come_again, pause_seconds

log = logging.getLogger(__name__)

MIB = 1 << 20
SINGLE_LIMIT = 64 * MIB
CHUNK_BYTES = 32 * MIB

How = Literal["mounted", "uploaded"]
Report = Callable[[int], None]
"""Gets the number of further sent bytes; a negative number means that bytes were lost."""


class Sizes(Struct, frozen=True, kw_only=True):
    """The size limit for a blob that is sent whole, and the size of a chunk. Smaller in tests."""

    single_limit: int = SINGLE_LIMIT
    chunk_bytes: int = CHUNK_BYTES


class Upload(Struct, kw_only=True):
    """The upload of a blob to a repository."""

    connection: Connection
    name: str
    content: Content
    scopes: Scopes
    mount_from: str = ""
    """Another repository of the same registry that may have the blob."""
    mount_scopes: Scopes = ()
    sizes: Sizes = Sizes()
    report: Report = lambda more: None
    is_chunked: bool = True
    _location: str = ""
    _offset: int = 0
    _reported: int = 0

    def run(self) -> How:
        """Mount or upload the blob. Raises RegistryError."""
        failures, best = 0, 0
        while True:
            try:
                if not self._location and (how := self._begin()):
                    return how
                if self._go_on():
                    return "uploaded"
            except TransientRegistryError as error:
                failures = 1 if self._offset > best else failures + 1
                best = max(best, self._offset)
                attempts = self.connection.patience.attempts
                if failures >= attempts or not may_come_again(error):
                    raise
                pause = pause_seconds(error, failures)
                log.warning("%s; trying again (attempt %d)", error, failures + 1)
                self.connection.patience.sleep(pause)
                self._find_place()

    # --- opening ---------------------------------------------------------------------------------

    def _begin(self) -> How | None:
        self._take_back(0)
        response = self._mount() if self.mount_from else None
        if response is None:
            response = self._send("POST", f"{self.name}/blobs/uploads/", expect=(202,))
        self._offset = 0
        if response.status_code == 201:
            self._advance(self.content.blob.size)
            return "mounted"
        self._remember(response)
        return None

    def _mount(self) -> requests.Response | None:
        """Ask for a mount from another repository; return None when an upload is needed."""
        query = urlencode({"mount": self.content.blob.digest, "from": self.mount_from})
        self.mount_from = ""
        try:
            return self._send(
                "POST",
                f"{self.name}/blobs/uploads/?{query}",
                expect=(201, 202),
                scopes=self.mount_scopes,
            )
        except StatusError as error:
            log.debug("no mount: %s", error)
            return None

    # --- sending ---------------------------------------------------------------------------------

    def _go_on(self) -> bool:
        """Send the next part; return True when the blob is complete."""
        size = self.content.blob.size
        if self._offset == 0 and not (self.is_chunked and size > self.sizes.single_limit):
            self._close(0)
            return True
        try:
            if self._offset < size:
                self._send_chunk()
                return False
            self._close(size)
        except StatusError as error:
            self._lose(error)
            return False
        return True

    def _send_chunk(self) -> None:
        start = self._offset
        end = min(start + self.sizes.chunk_bytes, self.content.blob.size)
        response = self._send(
            "PATCH",
            self._location,
            expect=(202, 416),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{start}-{end - 1}",
            },
            body=self._body(start, end),
        )
        if response.status_code == 416 and "Range" not in response.headers:
            raise self.connection.refused(self._what, response)
        self._remember(response)
        arrived = _length(response, end)
        if response.status_code == 202 and start == 0:
            arrived = max(arrived, 1)
        self._offset = arrived
        self._take_back(arrived)
        if arrived == start:
            raise TransientRegistryError(
                f"the registry {self.connection.host} stored nothing of a chunk of {self.name}"
            )

    def _close(self, start: int) -> None:
        """Send the rest, and the digest of the whole blob."""
        joiner = "&" if urlsplit(self._location).query else "?"
        digest = urlencode({"digest": self.content.blob.digest})
        size = self.content.blob.size
        response = self._send(
            "PUT",
            f"{self._location}{joiner}{digest}",
            expect=(201, 204),
            headers={"Content-Type": "application/octet-stream"},
            body=self._body(start, size),
        )
        release(response)
        told = response.headers.get("Docker-Content-Digest", self.content.blob.digest)
        if told != self.content.blob.digest:
            raise RegistryError(
                f"the registry {self.connection.host} accepted {self.content.blob.digest}, "
                f"and answered with another digest: {told[:100]}",
                hint="Run the job again; if it happens again, contact the registry's operator.",
            )

    # --- after a failure -------------------------------------------------------------------------

    def _lose(self, error: StatusError) -> None:
        """Start again without chunks, if this may help: some registries accept no chunks."""
        if error.status in (401, 403):
            raise error
        if not self.is_chunked:
            raise error
        log.info("%s; sending it as a whole instead of in chunks", error)
        self.is_chunked = False
        self._location = ""

    def _find_place(self) -> None:
        """Ask how much has arrived; without a valid response, the upload starts again."""
        if not self._location:
            return
        try:
            response = self._send("GET", self._location, expect=(204, 200))
        except RegistryError as error:
            log.debug("the upload is lost: %s", error)
            self._location, self._offset = "", 0
            return
        self._remember(response)
        self._offset = _length(response, 0)
        if not self.is_chunked and self._offset:
            self._location, self._offset = "", 0
        self._take_back(self._offset)
        log.info("%s continues at byte %d", self._what, self._offset)

    # --- helpers ---------------------------------------------------------------------------------

    @property
    def _what(self) -> str:
        return f"the upload of a layer to {self.name}"

    def _send(
        self,
        method: str,
        target: str,
        *,
        expect: tuple[int, ...],
        scopes: Scopes = (),
        headers: dict[str, str] | None = None,
        body: Callable[[], Body | bytes] | None = None,
    ) -> requests.Response:
        return self.connection.send(
            method,
            target,
            self._what,
            scopes=scopes or self.scopes,
            expect=expect,
            headers=headers,
            body=body,
        )

    def _body(self, start: int, end: int) -> Callable[[], Body | bytes]:
        def make() -> Body | bytes:
            self._take_back(start)
            if start == end:
                for _ in self.content.part(start, end):
                    pass
                return b""  # requests sends no length with an empty stream
            return Body(self._reporting(start, end), end - start)

        return make

    def _reporting(self, start: int, end: int) -> Iterator[bytes]:
        for piece in self.content.part(start, end):
            yield piece
            self._advance(len(piece))

    def _advance(self, more: int) -> None:
        self._reported += more
        self.report(more)

    def _take_back(self, offset: int) -> None:
        if self._reported != offset:
            self._advance(offset - self._reported)

    def _remember(self, response: requests.Response) -> None:
        release(response)
        self._location = self.connection.location(response, self._what)


def _length(response: requests.Response, otherwise: int) -> int:
    """Read how much of an upload has arrived. `0-0` means no byte, or one byte."""
    found = re.fullmatch(r"(?:bytes=)?0-(\d{1,18})", response.headers.get("Range", "").strip())
    if not found:
        return otherwise
    return int(found[1]) + 1 if int(found[1]) else 0
