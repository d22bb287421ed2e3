"""Unfinished uploads of blobs, which stay when a connection breaks, so that clients resume them."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from astro_ci.sandbox.store.oci import RegistryRefusal, hex_of


class Uploads:
    """The uploads under one directory, each for one repository. A restart deletes them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._repository_of: dict[str, str] = {}
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)

    def begin(self, repository: str) -> str:
        """Start an upload; return its id."""
        upload_id = uuid4().hex
        (self._directory / upload_id).touch()
        self._repository_of[upload_id] = repository
        return upload_id

    def size(self, repository: str, upload_id: str) -> int:
        """Return the number of bytes that an upload has so far. Raises RegistryRefusal 404."""
        return self._path(repository, upload_id).stat().st_size

    async def append(
        self, repository: str, upload_id: str, body: AsyncIterator[bytes], length: int | None
    ) -> int:
        """Add a body to an upload as it arrives; return the number of bytes that it has then.

        The bytes that arrive before a connection breaks stay, so that the client can resume there.
        Raises RegistryRefusal 400 for a body with another length than the announced length.
        """
        path = self._path(repository, upload_id)
        before = path.stat().st_size
        with path.open("ab") as file:
            async for chunk in body:
                file.write(chunk)
            size = file.tell()
            if length is not None and size - before != length:
                file.truncate(before)
                message = "the chunk is not as long as its Content-Range"
                raise RegistryRefusal(400, "SIZE_INVALID", message)
        return size

    def finish(self, repository: str, upload_id: str, digest: str) -> Path:
        """Close an upload; return its file, for the caller to move.

        Raises RegistryRefusal 400 for a wrong digest. Reads the whole file: not for the event loop.
        """
        path = self._path(repository, upload_id)
        wanted = hex_of(digest)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        del self._repository_of[upload_id]
        if found != wanted:
            path.unlink()
            message = f"provided digest did not match uploaded content: {digest}"
            raise RegistryRefusal(400, "DIGEST_INVALID", message)
        return path

    def cancel(self, repository: str, upload_id: str) -> None:
        """Delete an upload. Raises RegistryRefusal 404."""
        self._path(repository, upload_id).unlink()
        del self._repository_of[upload_id]

    def write(self, path: Path, content: bytes) -> None:
        """Write a small file atomically, through a file elsewhere."""
        temporary = self._directory / uuid4().hex
        temporary.write_bytes(content)
        temporary.replace(path)

    def _path(self, repository: str, upload_id: str) -> Path:
        if self._repository_of.get(upload_id) != repository:
            raise RegistryRefusal(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return self._directory / upload_id
