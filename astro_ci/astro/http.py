"""HTTP to Astro: one session, safe retries, errors in our words."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import requests
from requests.auth import AuthBase

from astro_ci import __version__
from astro_ci.astro.retry import (
    ATTEMPTS,
    WORTH_REPEATING,
    asked_wait,
    had_no_effect,
    is_unavailable,
    repeating,
)
from astro_ci.errors import ApiError, AuthenticationError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from urllib3.exceptions import HTTPError

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = (10.0, 60.0)


class BearerAuth(AuthBase):
    """Sends the token, and keeps requests from looking for one in ~/.netrc."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header. Called by requests."""
        request.headers["Authorization"] = f"Bearer {self._token()}"
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

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> bytes:
        """GET, repeated while the service is unavailable."""
        return self._send("GET", path, repeat=is_unavailable, params=params)

    def post(self, path: str, *, json: Any = None, form: Mapping[str, str] | None = None) -> bytes:
        """POST, repeated only when the request provably had no effect."""
        return self._send("POST", path, repeat=had_no_effect, json=json, data=form)

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
        except requests.RequestException as error:
            raise _unreachable(what, error) from error
        log.debug("%s: %s", what, response.status_code)
        if response.status_code >= 300:
            raise _refusal(what, response)
        return response.content


def is_json(content: bytes) -> bool:
    """Whether an answer looks like JSON rather than a proxy's page."""
    return content.lstrip()[:1] in (b"{", b"[")


def _unreachable(what: str, error: requests.RequestException) -> UnavailableError:
    unavailable = UnavailableError(
        f"{what} got no answer: {_cause(error)}",
        hint="Check the network of the job (proxy, firewall) and ASTRO_DOMAIN or ASTRO_API_URL.",
    )
    unavailable.never_arrived = _is_connect_failure(error)
    return unavailable


def _refusal(what: str, response: requests.Response) -> ApiError | AuthenticationError:
    message, request_id = _read_error(response)
    message = _without_secrets(message, response.request)
    status = response.status_code
    if status == 401:
        told = f"{what} refused the credentials: {message}"
        return AuthenticationError(
            f"{told} (request id {request_id})" if request_id else told,
            hint="Create a new API token and store it as ASTRO_API_TOKEN in the CI system.",
        )
    kind = NotFoundError if status == 404 else ApiError
    if status in WORTH_REPEATING:
        kind = UnavailableError
    error = kind(
        f"{what} answered {status}: {message}",
        hint=_hint(status),
        status=status,
        request_id=request_id,
    )
    if isinstance(error, UnavailableError):
        error.retry_after_seconds = asked_wait(response.headers)
    return error


def _read_error(response: requests.Response) -> tuple[str, str | None]:
    """The message and the request id of an error, whoever wrote it."""
    request_id = response.headers.get("X-Request-Id")
    if is_json(response.content):
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            body = response.json()
            message = body.get("message") or body.get("error_description") or body.get("error")
            fields = "; ".join(
                f"{e['field']}: {e['message']}" for e in body.get("fieldErrors") or ()
            )
            said = " - ".join(str(part) for part in (message, fields) if part)
            return said or response.reason, body.get("requestId") or request_id
    if "html" in response.headers.get("Content-Type", ""):
        return "a web page instead of JSON, as a proxy or a login page would send", request_id
    return " ".join(response.text.split())[:200] or response.reason or "no message", request_id


def _without_secrets(text: str, request: requests.PreparedRequest) -> str:
    """Services may repeat what they were sent."""
    sent = [request.headers.get("Authorization", "").removeprefix("Bearer ")]
    if isinstance(request.body, str):  # a form
        sent += parse_qs(request.body).get("client_secret", [])
    for secret in filter(None, sent):
        text = text.replace(secret, "***")
    return text


def _hint(status: int) -> str:
    if status == 403:
        return "Give the token a role that may deploy to this Deployment, or use another token."
    if status in WORTH_REPEATING:
        return "Astro is busy or down; run the job again, and see Astro's status page if it lasts."
    return ""


def _is_connect_failure(error: requests.RequestException) -> bool:
    """Whether no connection was made, so that nothing can have been received."""
    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    reason = _reason(error)
    return isinstance(reason, NewConnectionError | ConnectTimeoutError)


def _reason(error: requests.RequestException) -> HTTPError | None:
    cause = error.args[0] if error.args else None
    return getattr(cause, "reason", cause)


def _cause(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it timed out"
    text = str(_reason(error) or error)
    return text.rpartition(": ")[2] or type(error).__name__
