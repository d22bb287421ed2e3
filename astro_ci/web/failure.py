"""Describe a failed request: there was no response, or an error response.

No message contains the text of an exception, which may have the whole URL, or text that a service
repeats from a request, which may have credentials.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import requests

from astro_ci.text import crossed_out

if TYPE_CHECKING:
    from urllib3.exceptions import HTTPError

UNTRUSTED = "its TLS certificate was not accepted"
_LONGEST_TEXT = 200


def is_json(content: bytes) -> bool:
    """Whether a response looks like JSON, not like a proxy's web page."""
    return content.lstrip()[:1] in (b"{", b"[")


def read_error(response: requests.Response) -> tuple[str, str]:
    """Return the message and the request id of an error response, without secrets."""
    message, request_id = _read_words(response)
    sent = _secrets_of(response.request)
    message = crossed_out(message, sent)
    if not is_json(response.content):
        message = message[:_LONGEST_TEXT]
    return message or response.reason or "no message", crossed_out(request_id, sent)


def _read_words(response: requests.Response) -> tuple[str, str]:
    request_id = response.headers.get("X-Request-Id", "")
    if is_json(response.content):
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            body = response.json()
            message = body.get("message") or body.get("error_description") or body.get("error")
            fields = "; ".join(
                f"{e['field']}: {e['message']}" for e in body.get("fieldErrors") or ()
            )
            said = " - ".join(str(part) for part in (message, fields) if part)
            return said, str(body.get("requestId") or request_id)
    if "html" in response.headers.get("Content-Type", ""):
        return "a web page instead of JSON, as a proxy or a login page would send", request_id
    return " ".join(response.text.split()), request_id


def _secrets_of(request: requests.PreparedRequest) -> list[str]:
    """List the secrets of a request, which a response may repeat."""
    sent = [request.headers.get("Authorization", "").removeprefix("Bearer ")]
    if isinstance(request.body, str):  # a form
        sent += parse_qs(request.body).get("client_secret", [])
    return sent


def describe(error: OSError) -> str:
    """Say why there was no response, without the exception's text, which may have the whole URL."""
    match error:
        case requests.exceptions.SSLError():
            # From OpenSSL 3.2 on, it is a failure of the record layer.
            is_plain = re.search("wrong version number|record layer failure", str(error))
            return "it does not speak TLS" if is_plain else UNTRUSTED
        case requests.exceptions.ProxyError():
            return "the proxy that HTTPS_PROXY or HTTP_PROXY names did not connect"
        case requests.exceptions.InvalidURL():  # the service's own certificate was handled before
            return "HTTPS_PROXY or HTTP_PROXY is not the address of a proxy"
        case requests.exceptions.InvalidSchema():
            return (
                "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a kind of proxy that is not supported"
            )
        case requests.ConnectTimeout():
            return "connecting timed out"
        case requests.Timeout():
            return "it timed out"
        case requests.exceptions.ContentDecodingError():
            return "the response does not have the encoding that its headers name"
        case requests.ConnectionError():
            cause = _reason(error)
            if not is_connect_failure(error):
                return "the connection failed or was closed"
            told = re.sub(r"^\[Errno -?\d+\] ", "", str(cause).rpartition(": ")[2])
            return f"no connection ({told})"
        case requests.RequestException():
            return type(error).__name__
    if "TLS" in str(error):  # requests checks the file before it connects
        return "the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names does not exist"
    return error.strerror or type(error).__name__


def authority_hint(host: str) -> str:
    """Return the hint for a certificate that was not accepted."""
    return (
        f"Set REQUESTS_CA_BUNDLE to a file with the certificate authority of {host} and the "
        "public ones."
    )


def is_for_good(error: OSError) -> bool:
    """Whether another attempt would fail in the same way."""
    lasting = (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL)
    if isinstance(error, requests.exceptions.SSLError):
        return bool(
            {"CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER"} & set(_tls_reasons(error))
        )
    passing = (requests.RequestException, ConnectionError, TimeoutError)
    return isinstance(error, lasting) or not isinstance(error, passing)


def _tls_reasons(error: BaseException) -> list[str]:
    return re.findall(r"[A-Z]+(?:_[A-Z]+)+", str(error))


def is_connect_failure(error: OSError) -> bool:
    """Whether no connection was made, so that the service cannot have received the request."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    reason = _reason(error)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _reason(error: OSError) -> HTTPError | None:
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)
