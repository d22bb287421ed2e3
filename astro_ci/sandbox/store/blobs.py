"""The blob store of the local Astro: versions of named blobs, on disk.

A blob is written whole (Put Blob) or from blocks (Put Block, Put Block List), each time as a new
version. No blob is ever held in memory as a whole.
Source: the Azure Blob Storage REST API, with versioning enabled on the account.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

_VERSION = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z", re.ASCII)


class BlobError(Exception):
    """The error of a refused request, with Azure's error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def bad_parameter() -> BlobError:
    """Refuse a query parameter."""
    return BlobError(
        400,
        "InvalidQueryParameterValue",
        "Value for one of the query parameters specified in the request URI is invalid.",
    )


def is_md5(text: str) -> bool:
    """Whether a header's value is an MD5 in base64, as Azure requires."""
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Incoming:
    """The body of a request: its file, and its MD5 in base64."""

    path: Path
    md5: str


class BlobStore:
    """Blobs under one directory; names are slash-separated paths."""

    def __init__(self, directory: Path, now: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._now = now
        self._incoming = directory / "incoming"
        shutil.rmtree(self._incoming, ignore_errors=True)
        self._incoming.mkdir(parents=True)
        self._committed: dict[str, tuple[tuple[str, ...], str]] = {}
        """By blob: the last block list, and the version that was made from it."""
        self._last_tick = 0

    async def receive(self, body: AsyncIterator[bytes], md5: str | None) -> Incoming:
        """Write a body to disk as it arrives.

        Raises BlobError 400 when `md5`, in base64, is given and is not that of the body.
        """
        path = self._incoming / uuid4().hex
        digest = hashlib.md5(usedforsecurity=False)
        with ExitStack() as cleanup:
            cleanup.callback(path.unlink, missing_ok=True)
            with path.open("wb") as file:
                async for chunk in body:
                    file.write(chunk)
                    digest.update(chunk)
            found = base64.b64encode(digest.digest()).decode()
            if md5 is not None and not is_md5(md5):
                raise BlobError(400, "InvalidMd5", "The MD5 value specified is invalid.")
            if md5 is not None and md5 != found:
                raise BlobError(
                    400,
                    "Md5Mismatch",
                    "The MD5 value specified in the request did not match with the MD5 value "
                    "calculated by the server.",
                )
            cleanup.pop_all()
        return Incoming(path, found)

    def put(self, name: str, incoming: Incoming) -> str:
        """Make a body the newest version of a blob; return the version's id."""
        self._discard_blocks(name)
        return self._publish(name, incoming.path)

    def put_block(self, name: str, block_id: str, incoming: Incoming) -> None:
        """Store a body as a block of a blob that is not complete yet.

        Raises BlobError 400 for an id that is not base64, or has another length than earlier ids.
        """
        try:
            raw = base64.b64decode(block_id, validate=True)
            if not 0 < len(raw) <= 64:
                raise ValueError(block_id)
        except ValueError as exc:
            incoming.path.unlink()
            raise bad_parameter() from exc
        blocks = self._blocks(name)
        blocks.mkdir(parents=True, exist_ok=True)
        if any(len(other.name) != 2 * len(raw) for other in blocks.iterdir()):
            incoming.path.unlink()
            raise BlobError(
                400, "InvalidBlobOrBlock", "The specified blob or block content is invalid."
            )
        incoming.path.replace(blocks / raw.hex())

    def take_blocks(self, name: str, block_ids: Sequence[str]) -> Path:
        """Move the blocks of a blob elsewhere, so that no request changes them during `join`.

        Raises BlobError 400 when a block was never put; then no block is moved.
        """
        blocks = self._blocks(name)
        if not all((blocks / _hex(block_id)).is_file() for block_id in block_ids):
            raise BlobError(400, "InvalidBlockList", "The specified block list is invalid.")
        taken = self._incoming / uuid4().hex
        if block_ids:
            blocks.replace(taken)
        else:
            self._discard_blocks(name)
            taken.mkdir()
        return taken

    def join(self, taken: Path, block_ids: Sequence[str]) -> Path:
        """Write blocks into one file. Takes long for large blocks: not for the event loop."""
        path = self._incoming / uuid4().hex
        with path.open("wb") as joined:
            for block_id in block_ids:
                with (taken / _hex(block_id)).open("rb") as block:
                    shutil.copyfileobj(block, joined, 1 << 20)
        shutil.rmtree(taken)
        return path

    def put_joined(self, name: str, joined: Path, block_ids: Sequence[str]) -> str:
        """Make a joined file the newest version of a blob; return the version's id."""
        version = self._publish(name, joined)
        self._committed[name] = (tuple(block_ids), version)
        return version

    def commit_again(self, name: str, block_ids: Sequence[str]) -> str | None:
        """Commit the last block list again, for a client that lost the response; else return None.

        Blocks that were committed can be listed again, as in Azure, until new ones come.
        """
        last, version = self._committed.get(name, ((), ""))
        if not block_ids or tuple(block_ids) != last or self._blocks(name).exists():
            return None
        copy = self._incoming / uuid4().hex
        shutil.copyfile(self.version_path(name, version)[1], copy)
        return self.put_joined(name, copy, block_ids)

    def version_path(self, name: str, version: str | None = None) -> tuple[str, Path]:
        """Find a version of a blob, by default the newest: its id and its file.

        Raises BlobError 404.
        """
        if version is None:
            versions = sorted(path.name for path in self._versions(name).glob("*"))
            version = _unescape(versions[-1]) if versions else ""
        path = self._versions(name) / _escape(version)
        if not _VERSION.fullmatch(version) or not path.is_file():
            raise BlobError(404, "BlobNotFound", "The specified blob does not exist.")
        return version, path

    def has_version(self, name: str, version: str) -> bool:
        """Whether this version of the blob was uploaded."""
        with suppress(BlobError):
            self.version_path(name, version)
            return True
        return False

    def remove(self, name: str) -> None:
        """Delete all versions of a blob, and its blocks that are in no version."""
        self._discard_blocks(name)
        shutil.rmtree(self._versions(name), ignore_errors=True)
        self._committed.pop(name, None)

    def _publish(self, name: str, path: Path) -> str:
        version = self._new_version()
        versions = self._versions(name)
        versions.mkdir(parents=True, exist_ok=True)
        path.replace(versions / _escape(version))
        return version

    def _new_version(self) -> str:
        # Azure counts in units of 100 ns, and two versions never have the same time.
        self._last_tick = max(self._last_tick + 1, int(self._now() * 10_000_000))
        seconds, fraction = divmod(self._last_tick, 10_000_000)
        moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{moment}.{fraction:07d}Z"

    def _discard_blocks(self, name: str) -> None:
        shutil.rmtree(self._blocks(name), ignore_errors=True)

    def _versions(self, name: str) -> Path:
        return self._directory / "versions" / hashlib.sha256(name.encode()).hexdigest()

    def _blocks(self, name: str) -> Path:
        return self._directory / "blocks" / hashlib.sha256(name.encode()).hexdigest()


def _hex(block_id: str) -> str:
    try:
        return base64.b64decode(block_id, validate=True).hex()
    except ValueError:
        return "not-base64"


def _escape(version: str) -> str:
    """Convert a version's id to a file name that is valid on every system."""
    return version.replace(":", "_")


def _unescape(file_name: str) -> str:
    return file_name.replace("_", ":")
