"""HTTP to Astro: one session, safe retries, errors in our words."""

from __future__ import annotations

import contextlib
import copy
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import requests
from requests.auth import AuthBase

from astro_ci import __version__
from astro_ci.errors import ApiError, AuthenticationError, NotFoundError, UnavailableError
from astro_ci.text import crossed_out
from astro_ci.web.retry import (
    ATTEMPTS,
    asked_wait,
    is_unavailable,
    is_worth_repeating,
    never_arrived,
    repeating,
    was_not_served,
)

if TYPE_CHECKING:
    from urllib3.exceptions import HTTPError

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = (10.0, 60.0)
_LONGEST_TEXT = 200
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""Source: RFC 6750, b64token."""


class BearerAuth(AuthBase):
    """Sends the token, and keeps requests from looking for one in ~/.netrc."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header. Called by requests. Raises AuthenticationError for what is no token."""
        token = self._token()
        if not _TOKEN.fullmatch(token):
            raise AuthenticationError(
                "the token holds characters that no token has, such as a line break or a quote",
                hint="Store the token's text alone, as it was shown when it was created.",
            )
        request.headers["Authorization"] = f"Bearer {token}"
        return request


class NoAuth(AuthBase):
    """Sends no credentials, not even those of ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is. Called by requests."""
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to try: tests have less of it."""

    attempts: int = ATTEMPTS
    timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS
    """To connect, and between two bytes of an answer."""
    sleep: Callable[[float], None] = time.sleep


class Http:
    """A session with one host."""

    def __init__(self, base_url: str, auth: AuthBase, patience: Patience | None = None) -> None:
        self.base_url = base_url
        self._auth = auth
        self._patience = patience or Patience()
        self._session = requests.Session()
        self._session.headers.update(
            {
                "User-Agent": f"astro-ci/{__version__}",
                "X-Astro-Client-Identifier": "cli",
                "X-Astro-Client-Version": __version__,
                "Accept": "application/json",
            }
        )

    def within(self, seconds: float) -> Http:
        """The same, without repeating anything, for somebody who asks again within that time."""
        found = copy.copy(self)
        connect, read = (min(timeout, seconds) for timeout in self._patience.timeout_seconds)
        found._patience = replace(self._patience, attempts=1, timeout_seconds=(connect, read))
        return found

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> bytes:
        """GET, repeated while the service is unavailable."""
        return self._send("GET", path, repeat=is_unavailable, params=params)

    def post(self, path: str, *, json: Any) -> bytes:
        """POST something that has an effect; repeated only when the request never arrived.

        After any answer, and after none, the caller reads back what came of it.
        """
        return self._send("POST", path, repeat=never_arrived, json=json)

    def post_form(self, path: str, form: Mapping[str, str]) -> bytes:
        """POST a form that only asks for something, such as a token; repeated after 429 as well."""
        return self._send("POST", path, repeat=was_not_served, data=form)

    def _send(
        self, method: str, path: str, *, repeat: Callable[[BaseException], bool], **body: Any
    ) -> bytes:
        retrying = repeating(repeat, attempts=self._patience.attempts, sleep=self._patience.sleep)
        return retrying(self._send_once, method, path, **body)

    def _send_once(self, method: str, path: str, **body: Any) -> bytes:
        url = path if path.startswith(("http://", "https://")) else f"{self.base_url}{path}"
        what = f"{method} {url}"
        try:
            response = self._session.request(
                method,
                url,
                auth=self._auth,
                timeout=self._patience.timeout_seconds,
                allow_redirects=False,
                **body,
            )
        except OSError as error:  # those of requests among them
            raise _unreachable(what, error) from error
        log.debug("%s: %s", what, response.status_code)
        if response.status_code >= 300:
            raise _refusal(what, response)
        return response.content


def is_json(content: bytes) -> bool:
    """Whether an answer looks like JSON rather than a proxy's page."""
    return content.lstrip()[:1] in (b"{", b"[")


def _unreachable(what: str, error: OSError) -> ApiError:
    kind = ApiError if _is_for_good(error) else UnavailableError
    failure = kind(
        f"{what} got no answer: {describe(error)}",
        hint="Check the network of the job (proxy, firewall) and ASTRO_DOMAIN or ASTRO_API_URL.",
    )
    if isinstance(failure, UnavailableError):
        failure.never_arrived = _is_connect_failure(error)
    return failure


def _refusal(what: str, response: requests.Response) -> ApiError | AuthenticationError:
    message, request_id = _read_error(response)
    status = response.status_code
    if status == 401:
        told = f"{what} refused the credentials: {message}"
        return AuthenticationError(
            f"{told} (request id {request_id})" if request_id else told,
            hint="Create a new API token and store it as ASTRO_API_TOKEN in the CI system.",
        )
    kind = NotFoundError if status == 404 else ApiError
    if is_worth_repeating(status):
        kind = UnavailableError
    error = kind(
        f"{what} answered {status}: {message}",
        hint=_hint(status),
        status=status,
        request_id=request_id or None,
    )
    # A proxy says no as well, and 429 can come after the work is done: then nobody knows.
    is_final = 400 <= status < 500 and not is_worth_repeating(status)
    error.is_clear = is_final and is_json(response.content)
    if isinstance(error, UnavailableError):
        error.retry_after_seconds = asked_wait(response.headers)
    return error


def _read_error(response: requests.Response) -> tuple[str, str]:
    """The message and the request id of an error, whoever wrote it, without what was sent."""
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
    """What must not be repeated of a request, when the answer does."""
    sent = [request.headers.get("Authorization", "").removeprefix("Bearer ")]
    if isinstance(request.body, str):  # a form
        sent += parse_qs(request.body).get("client_secret", [])
    return sent


def _hint(status: int) -> str:
    if status == 403:
        return "Give the token a role that may deploy to this Deployment, or use another token."
    if is_worth_repeating(status):
        return "Astro is busy or down; run the job again, and see Astro's status page if it lasts."
    return ""


def describe(error: OSError) -> str:
    """Say why no answer came, without the words of an exception that may hold the whole URL."""
    match error:
        case requests.exceptions.SSLError():
            is_tls = not {"WRONG_VERSION_NUMBER", "RECORD_LAYER"} & set(_tls_reasons(error))
            return "its TLS certificate was not accepted" if is_tls else "it does not speak TLS"
        case requests.exceptions.ProxyError():
            return "the proxy that HTTPS_PROXY or HTTP_PROXY names did not connect"
        case requests.exceptions.InvalidURL():  # ours was looked at before
            return "HTTPS_PROXY or HTTP_PROXY names no proxy"
        case requests.exceptions.InvalidSchema():
            return "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY asks for what is not supported here"
        case requests.ConnectTimeout():
            return "connecting timed out"
        case requests.Timeout():
            return "it timed out"
        case requests.exceptions.ContentDecodingError():
            return "the answer is not encoded as it says"
        case requests.ConnectionError():
            cause = _reason(error)
            if not _is_connect_failure(error):
                return "no connection, or one that broke off"
            told = re.sub(r"^\[Errno -?\d+\] ", "", str(cause).rpartition(": ")[2])
            return f"no connection ({told})"
        case requests.RequestException():
            return type(error).__name__
    if "TLS" in str(error):  # requests looks for the file before it connects
        return "the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names is not there"
    return error.strerror or type(error).__name__


def _is_for_good(error: OSError) -> bool:
    """Whether the next attempt would end like this one."""
    lasting = (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL)
    if isinstance(error, requests.exceptions.SSLError):
        return bool(
            {"CERTIFICATE_VERIFY_FAILED", "WRONG_VERSION_NUMBER"} & set(_tls_reasons(error))
        )
    passing = (requests.RequestException, ConnectionError, TimeoutError)
    return isinstance(error, lasting) or not isinstance(error, passing)


def _tls_reasons(error: BaseException) -> list[str]:
    return re.findall(r"[A-Z]+(?:_[A-Z]+)+", str(error))


def _is_connect_failure(error: OSError) -> bool:
    """Whether no connection was made, so that nothing can have been received."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    reason = _reason(error)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _reason(error: OSError) -> HTTPError | None:
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)
