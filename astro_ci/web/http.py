"""Exchange JSON with Astro's API and login, with safe retries and clear errors."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from msgspec.structs import replace
from requests.auth import AuthBase

from astro_ci import __version__
from astro_ci.errors import ApiError, AuthenticationError, NotFoundError, UnavailableError
from astro_ci.web.failure import (
    UNTRUSTED,
    authority_hint,
    describe,
    is_connect_failure,
    is_for_good,
    is_json,
    read_error,
)
from astro_ci.web.retry import (
    Repeating,
    asked_wait,
    is_unavailable,
    is_worth_repeating,
    never_arrived,
    was_not_served,
)
from astro_ci.web.session import Patience, open_session

log = logging.getLogger(__name__)


class Http:
    """A session with one host."""

    def __init__(self, base_url: str, auth: AuthBase, patience: Patience | None = None) -> None:
        self.base_url = base_url
        self._auth = auth
        self._patience = patience or Patience()
        self._session = open_session(
            {
                "X-Astro-Client-Identifier": "cli",
                "X-Astro-Client-Version": __version__,
                "Accept": "application/json",
            }
        )

    def within(self, seconds: float) -> Http:
        """Return a copy that does not retry and times out after `seconds`; for polling."""
        found = copy.copy(self)
        connect, read = (min(timeout, seconds) for timeout in self._patience.timeout_seconds)
        found._patience = replace(self._patience, attempts=1, timeout_seconds=(connect, read))
        return found

    def get(self, path: str, *, params: Mapping[str, Any] | None = None) -> bytes:
        """Send a GET, and repeat it while the service is unavailable."""
        return self._send("GET", path, repeat=is_unavailable, params=params)

    def post(self, path: str, *, json: Any) -> bytes:
        """Send a POST that has an effect, and repeat it only if it never arrived.

        After every other failure, the caller reads the state to find out whether it had an effect.
        """
        return self._send("POST", path, repeat=never_arrived, json=json)

    def delete(self, path: str) -> None:
        """DELETE; repeated only when the request never arrived, as `post` is."""
        self._send("DELETE", path, repeat=never_arrived)

    def post_form(self, path: str, form: Mapping[str, str]) -> bytes:
        """Send a form without an effect, such as for a token; also repeated after 429."""
        return self._send("POST", path, repeat=was_not_served, data=form)

    def _send(
        self, method: str, path: str, *, repeat: Callable[[BaseException], bool], **body: Any
    ) -> bytes:
        retrying = Repeating(repeat, attempts=self._patience.attempts, sleep=self._patience.sleep)
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


def _unreachable(what: str, error: OSError) -> ApiError:
    kind = ApiError if is_for_good(error) else UnavailableError
    told = describe(error)
    hint = "Check the network of the job (proxy, firewall) and ASTRO_DOMAIN or ASTRO_API_URL."
    if told == UNTRUSTED:
        hint = authority_hint(urlsplit(what.partition(" ")[2]).hostname or "the host")
    failure = kind(f"{what} got no answer: {told}", hint=hint)
    if isinstance(failure, UnavailableError):
        failure.never_arrived = is_connect_failure(error)
    return failure


def _refusal(what: str, response: requests.Response) -> ApiError | AuthenticationError:
    message, request_id = read_error(response)
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
    # The refusal may be a proxy's, and 429 can come after the work is done: the outcome is unknown.
    is_final = 400 <= status < 500 and not is_worth_repeating(status)
    error.is_clear = is_final and is_json(response.content)
    if isinstance(error, UnavailableError):
        error.retry_after_seconds = asked_wait(response.headers)
    return error


def _hint(status: int) -> str:
    if status == 403:
        return "Give the token a role that may deploy to this Deployment, or use another token."
    if is_worth_repeating(status):
        return "Astro is busy or down; run the job again, and see Astro's status page if it lasts."
    return ""
