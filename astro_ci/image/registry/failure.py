"""Make errors from a registry's responses, and decide which failures deserve another attempt.

No message contains the text of an exception, which may have a signed URL, or text that the registry
repeats from a request, which may have credentials.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

import msgspec
import requests

from astro_ci.errors import RegistryError
from astro_ci.text import crossed_out, excerpt
from astro_ci.web.failure import UNTRUSTED, authority_hint, describe, is_for_good, is_json
from astro_ci.web.retry import asked_wait, is_worth_repeating

MAX_ERROR_BYTES = 64 << 10
NETWORK_HINT = "Check the network of the job (proxy, firewall) and the name of the registry."


class TransientRegistryError(RegistryError):
    """A failure that may be temporary; the next attempt sends only what has not arrived yet."""

    retry_after_seconds: float | None = None
    """The time of the registry's Retry-After."""


class StatusError(RegistryError):
    """An error response of the registry; `codes` are the specification's error codes."""

    status: int = 0
    codes: frozenset[str] = frozenset()


class _Told(msgspec.Struct):
    code: str = ""
    message: str = ""
    detail: object = None


class _Body(msgspec.Struct):
    errors: list[_Told] = []
    message: str = ""
    details: str = ""


def unreachable(what: str, host: str, error: OSError) -> RegistryError:
    """Make the error for a request without a response, or with an interrupted response."""
    kind = RegistryError if is_for_good(error) else TransientRegistryError
    told = describe(error)
    hint = NETWORK_HINT
    if told == UNTRUSTED:
        hint = authority_hint(host)
    elif told.startswith("it does not speak TLS"):
        hint = f"Give {host} a TLS certificate: credentials are not sent without encryption."
    return kind(f"the registry {host} gave no answer to {what}: {told}", hint=hint)


def refusal(
    what: str, host: str, response: requests.Response, *, secrets: Iterable[str], hint: str
) -> RegistryError:
    """Make the error for an error response; reads its body. `hint` is for refused credentials."""
    status = response.status_code
    codes, message = _words(response)
    message = excerpt(crossed_out(message, secrets)) or response.reason or "no message"
    if is_worth_repeating(status) and status != 501:
        busy = TransientRegistryError(
            f"the registry {host} answered {status} to {what}: {message}",
            hint="Run the job again in a few minutes: the registry is busy or has a problem.",
        )
        busy.retry_after_seconds = asked_wait(response.headers)
        return busy
    if status in (401, 403) or "DENIED" in codes:
        text = f"the registry {host} refused {what}: {message}"
    else:
        text = f"the registry {host} answered {status} to {what}: {message}"
        hint = _hint(status) if is_from_registry(response, codes) else NETWORK_HINT
    error = StatusError(text, hint=hint)
    error.status, error.codes = status, codes
    return error


def _hint(status: int) -> str:
    if status == 404:
        return "Check the name and the tag or digest of the image."
    return "Run the job again; if it happens again, contact the registry's operator."


def is_from_registry(response: requests.Response, codes: frozenset[str] = frozenset()) -> bool:
    """Whether the response comes from a registry, not from a proxy or a login page."""
    marks = ("Docker-Distribution-Api-Version", "Docker-Content-Digest", "Docker-Upload-UUID")
    return bool(codes) or any(mark in response.headers for mark in marks)


def is_web_page(response: requests.Response) -> bool:
    """Whether a response is a web page, as from a proxy or a login page."""
    return "html" in response.headers.get("Content-Type", "").lower()


def read_at_most(response: requests.Response, limit: int) -> bytes | None:
    """Read a body of at most `limit` bytes; None when it is longer. Raises OSError."""
    body = bytearray()
    for piece in response.iter_content(64 << 10):
        body += piece
        if len(body) > limit:
            response.close()
            return None
    return bytes(body)


def release(response: requests.Response) -> None:
    """Close a response; read a short response to its end, so that its connection is kept."""
    with contextlib.suppress(OSError):
        read_at_most(response, MAX_ERROR_BYTES)
    response.close()


def _words(response: requests.Response) -> tuple[frozenset[str], str]:
    """Return the codes and the text of an error body in any known format."""
    if is_web_page(response):
        return frozenset(), "a web page, as a proxy or a login page would send"
    try:
        raw = read_at_most(response, MAX_ERROR_BYTES) or b""
    except OSError:
        return frozenset(), ""
    if not is_json(raw):
        return frozenset(), " ".join(raw.decode("utf-8", "replace").split())
    try:
        body = msgspec.json.decode(raw, type=_Body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return frozenset(), ""
    texts = [one.message or one.code for one in body.errors] or [body.message or body.details]
    return frozenset(one.code for one in body.errors), "; ".join(filter(None, texts))
