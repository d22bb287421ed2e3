"""Read the blobs and manifests of a repository."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import requests

from astro_ci.errors import RegistryError
from astro_ci.image.registry.connection import Connection
from astro_ci.image.registry.content import PIECE_BYTES
from astro_ci.image.registry.failure import (
    TransientRegistryError,
    read_at_most,
    release,
    unreachable,
)
from astro_ci.image.registry.login import Scopes
from astro_ci.image.registry.manifest import ACCEPT, MAX_MANIFEST_BYTES, Descriptor, digest_of
from astro_ci.web.retry import Repeating, may_come_again, pause_seconds

log = logging.getLogger(__name__)


def is_transient(error: BaseException) -> bool:
    """Whether an idempotent request should be repeated after this error."""
    return isinstance(error, TransientRegistryError) and may_come_again(error)


def repeating(connection: Connection) -> Repeating:
    """Repeat an idempotent request as often as the connection's patience allows."""
    patience = connection.patience
    return Repeating(is_transient, attempts=patience.attempts, sleep=patience.sleep)


def read_manifest_bytes(
    connection: Connection, name: str, reference: str, scopes: Scopes, what: str
) -> tuple[bytes, str]:
    """Read a manifest by tag or digest: its bytes, and the media type that the registry gives.

    Raises RegistryError for bytes whose digest differs from the requested or announced digest.
    """
    return repeating(connection)(_read_manifest, connection, name, reference, scopes, what)


def _read_manifest(
    connection: Connection, name: str, reference: str, scopes: Scopes, what: str
) -> tuple[bytes, str]:
    asked = f"the request for {what}"
    response = connection.send(
        "GET",
        f"{name}/manifests/{reference}",
        asked,
        scopes=scopes,
        expect=(200,),
        headers={"Accept": ACCEPT},
    )
    raw = read_whole(connection, response, MAX_MANIFEST_BYTES, asked)
    told = response.headers.get("Docker-Content-Digest", "")
    wanted = reference if ":" in reference else told
    if wanted and digest_of(raw, wanted) != wanted:
        raise RegistryError(
            f"the registry {connection.host} answered {asked} with other bytes than {wanted}",
            hint="Push the image again: its content in the registry is damaged.",
        )
    return raw, response.headers.get("Content-Type", "").partition(";")[0].strip()


def find_digest(
    connection: Connection, name: str, reference: str, scopes: Scopes, what: str
) -> str:
    """Ask for the digest of a tag; empty when the registry has no such manifest."""

    def ask() -> str:
        response = connection.send(
            "HEAD",
            f"{name}/manifests/{reference}",
            f"the question for {what}",
            scopes=scopes,
            expect=(200, 404),
            headers={"Accept": ACCEPT},
        )
        release(response)
        return response.headers.get("Docker-Content-Digest", "") if response.ok else ""

    return repeating(connection)(ask)


def has_blob(connection: Connection, name: str, blob: Descriptor, scopes: Scopes) -> bool:
    """Ask whether a repository has a blob."""

    def ask() -> bool:
        # A redirect to the blob's storage means yes; its signed URL often allows only GET.
        response = connection.send(
            "HEAD",
            f"{name}/blobs/{blob.digest}",
            f"the question for a layer of {name}",
            scopes=scopes,
            expect=(200, 301, 302, 303, 307, 308, 404),
            follow=False,
        )
        release(response)
        if response.status_code == 404:
            return False
        told = response.headers.get("Content-Length", "")
        is_other = response.status_code == 200 and told.isdecimal() and int(told) != blob.size
        return not is_other

    return repeating(connection)(ask)


def read_blob(
    connection: Connection, name: str, blob: Descriptor, offset: int, scopes: Scopes
) -> Iterator[bytes]:
    """Read a blob from an offset on; after a broken connection, go on where it broke.

    The digest is for the caller to check. Raises RegistryError.
    """
    position, failures = offset, 0
    while position < blob.size:
        try:
            for piece in _read_from(connection, name, blob, position, scopes):
                position += len(piece)
                failures = 0
                yield piece
            if position < blob.size:
                raise TransientRegistryError(
                    f"the registry {connection.host} sent {position} of {blob.size} bytes of a "
                    f"layer of {name}",
                    hint="Run the job again; if it happens again, push the image again, as its "
                    "layer in the registry is damaged.",
                )
        except TransientRegistryError as error:
            failures += 1
            if failures >= connection.patience.attempts or not may_come_again(error):
                raise
            log.warning("%s; going on at byte %d", error, position)
            pause = pause_seconds(error, failures)
        else:
            return
        connection.patience.sleep(pause)


def _read_from(
    connection: Connection, name: str, blob: Descriptor, offset: int, scopes: Scopes
) -> Iterator[bytes]:
    what = f"the request for a layer of {name}"
    response = connection.send(
        "GET",
        f"{name}/blobs/{blob.digest}",
        what,
        scopes=scopes,
        expect=(200, 206),
        headers={"Range": f"bytes={offset}-"} if offset else {},
    )
    skip = offset if response.status_code == 200 else 0
    left = blob.size - offset
    problem: RegistryError | None = None
    try:
        pieces = response.iter_content(PIECE_BYTES)
        while left:
            try:
                piece = next(pieces, b"")
            except OSError as error:
                problem = unreachable(what, connection.host, error)
                break
            if not piece:
                break
            skipped = min(skip, len(piece))  # a server that ignores Range sends the whole blob
            skip -= skipped
            if piece := piece[skipped:][:left]:
                left -= len(piece)
                yield piece
    finally:
        response.close()
    if problem:
        raise problem


def read_whole(connection: Connection, response: requests.Response, limit: int, what: str) -> bytes:
    """Read a small body. Raises RegistryError when it is longer than `limit`."""
    problem: RegistryError | None = None
    try:
        raw = read_at_most(response, limit)
    except OSError as error:
        problem = unreachable(what, connection.host, error)
    if problem:
        raise problem
    if raw is None:
        raise RegistryError(
            f"the registry {connection.host} answered {what} with more than {limit >> 20} MiB"
        )
    return raw
