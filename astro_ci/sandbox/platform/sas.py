"""The signatures in upload URLs, similar to Azure's shared access signatures.

Everyone who has the URL can use it until it expires, without another credential.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from astro_ci.sandbox.store.blobs import BlobError
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import State

SERVICE_VERSION = "2023-11-03"
PERMISSIONS = {"GET": "r", "HEAD": "r", "PUT": "w"}


def signed_query(name: str, state: State, now: float, lifetime_seconds: float) -> str:
    """Make the query string of a URL with which one blob can be read and written."""
    fields = {
        "sv": SERVICE_VERSION,
        "st": timestamp(now - 300),
        "se": timestamp(now + lifetime_seconds),
        "sr": "b",
        "sp": "rcw",
    }
    return urlencode({**fields, "sig": _signature(name, fields, state)}, quote_via=quote)


def check_query(name: str, query: Mapping[str, str], method: str, state: State, now: float) -> None:
    """Raise BlobError 403 unless the query string allows this method on this blob now."""
    fields = {key: query.get(key, "") for key in ("sv", "st", "se", "sr", "sp")}
    given = query.get("sig", "").encode()
    if not hmac.compare_digest(_signature(name, fields, state).encode(), given):
        raise _refused("AuthenticationFailed", "Signature did not match.")
    expiry = datetime.strptime(fields["se"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if now >= expiry.timestamp():
        raise _refused("AuthenticationFailed", "Signature not valid in the specified time frame.")
    if PERMISSIONS.get(method, "-") not in fields["sp"]:
        raise _refused("AuthorizationPermissionMismatch", "The permission is not granted.")


def _signature(name: str, fields: Mapping[str, str], state: State) -> str:
    text = "\n".join([name, *fields.values(), str(state.upload_generation)])
    key = bytes.fromhex(state.signing_key)
    return base64.b64encode(hmac.digest(key, text.encode(), "sha256")).decode()


def _refused(code: str, detail: str) -> BlobError:
    message = f"Server failed to authenticate the request. {detail}"
    return BlobError(403, code, message)
