"""Upload a bundle to the blob store, with a URL that is a secret and never shown.

Small bundles use one Put Blob; larger bundles use parallel Put Blocks, then Put Block List.
The store never gets the Astro token. Source: learn.microsoft.com, Blob service REST API.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from astro_ci.astro.blob import BLOCK_ID_BYTES, Blob, BlocksLostError, Body
from astro_ci.web.retry import ATTEMPTS, Repeating, is_unavailable
from astro_ci.web.session import open_session
from astro_ci.web.threads import in_threads

MIB = 1024 * 1024
SINGLE_PUT_LIMIT = 64 * MIB
BLOCK_SIZE = 8 * MIB
WORKERS = 4

T = TypeVar("T")
OnProgress = Callable[[int, int], None]


class Uploader(Struct, frozen=True, kw_only=True):
    """Uploads bundles. The limits are fields so that tests need no large files."""

    single_put_limit: int = SINGLE_PUT_LIMIT
    block_size: int = BLOCK_SIZE
    workers: int = WORKERS
    attempts: int = ATTEMPTS
    timeout_seconds: tuple[float, float] = (10.0, 60.0)
    """The timeouts for connecting, and for the response. Sending may not stall longer than the
    first."""
    sleep: Callable[[float], None] = time.sleep

    def upload(
        self,
        url: str,
        bundle: Path,
        *,
        md5: bytes,
        on_progress: OnProgress = lambda done, total: None,
        on_sent: Callable[[], None] = lambda: None,
    ) -> str:
        """Upload a bundle and return its version, the header `x-ms-version-id`.

        `on_progress` gets, in the calling thread, the number of stored bytes and the total.
        `on_sent` is called when the last byte of a small bundle has been sent. Raises ApiError when
        the store refuses or returns no version, UnavailableError when it cannot be reached. No
        error or log line contains the URL.
        """
        size = bundle.stat().st_size
        with open_session() as session:
            blob = Blob(url, session, self.timeout_seconds)
            if size > self.single_put_limit:
                return self._upload_blocks(blob, bundle, size, md5, on_progress)
            version = self._repeat(lambda: _put(blob, bundle, size, md5, on_sent))
        on_progress(size, size)
        return version

    def _upload_blocks(
        self, blob: Blob, bundle: Path, size: int, md5: bytes, on_progress: OnProgress
    ) -> str:
        offsets = range(0, size, self.block_size)
        ids = [_block_id(md5, offset) for offset in offsets]

        def put_block(offset: int) -> None:
            length = min(self.block_size, size - offset)
            self._repeat(lambda: _put_block(blob, bundle, offset, length, md5))

        def put_all() -> str:
            for number, _ in enumerate(in_threads(put_block, offsets, self.workers), start=1):
                on_progress(min(number * self.block_size, size), size)
            return self._repeat(lambda: blob.put_block_list(ids, md5))

        # Start again once, if a parallel upload made the store drop the blocks.
        return Repeating(_is_blocks_lost, attempts=2, sleep=self.sleep)(put_all)

    def _repeat(self, send: Callable[[], T]) -> T:
        return Repeating(is_unavailable, attempts=self.attempts, sleep=self.sleep)(send)


def _put(blob: Blob, bundle: Path, size: int, md5: bytes, on_sent: Callable[[], None]) -> str:
    with bundle.open("rb") as file:
        return blob.put(Body(file, 0, size, on_sent), md5)


def _put_block(blob: Blob, bundle: Path, offset: int, length: int, md5: bytes) -> None:
    with bundle.open("rb") as file:
        blob.put_block(_block_id(md5, offset), Body(file, offset, length))


def _block_id(md5: bytes, offset: int) -> bytes:
    """Return the id of a block.

    The id contains the bundle's digest, so that a parallel upload to the same blob cannot mix its
    blocks with these. All ids of a blob must have the same length, even those of abandoned uploads,
    so they have the maximum length, as in Azure's library for Go.
    """
    return (md5 + offset.to_bytes(8, "big")).ljust(BLOCK_ID_BYTES, b"\0")


def _is_blocks_lost(error: BaseException) -> bool:
    return isinstance(error, BlocksLostError)
