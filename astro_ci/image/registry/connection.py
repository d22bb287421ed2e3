"""HTTP requests to a registry: find its scheme, log in, and follow redirects without the login."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from urllib.parse import urljoin, urlsplit

import requests

from astro_ci.errors import RegistryError
from astro_ci.image.registry.failure import is_web_page, refusal, release, unreachable
from astro_ci.image.registry.login import Authorizer, Login, Scopes, is_loopback
from astro_ci.web.failure import is_connect_failure
from astro_ci.web.logs import keep_queries_out_of_logs
from astro_ci.web.session import Patience, open_session

log = logging.getLogger(__name__)

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
CLOSING_SECONDS = 600.0
"""The time limit for a registry to process an upload before it answers."""


class Body:
    """The body of a request: its length is known, and its bytes are read while they are sent."""

    def __init__(self, pieces: Iterator[bytes], length: int) -> None:
        self._pieces = pieces
        self.len = length  # requests reads the Content-Length here

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


MakeBody = Callable[[], "Body | bytes"]
"""Makes a new body for each attempt, because a partly sent body cannot be sent again."""


class Connection:
    """Sends requests to a registry. Several threads may use it."""

    def __init__(self, host: str, login: Login | None, patience: Patience | None = None) -> None:
        keep_queries_out_of_logs()
        self.host = host
        self.patience = patience or Patience()
        self._session = open_session({"Accept-Encoding": "identity"})
        self._authorizer = Authorizer(host, login, self._session, self.patience.timeout_seconds)
        self._base = ""
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the sockets."""
        self._session.close()

    def send(
        self,
        method: str,
        target: str,
        what: str,
        *,
        scopes: Scopes,
        expect: Collection[int],
        headers: Mapping[str, str] | None = None,
        body: MakeBody | None = None,
        follow: bool = True,
    ) -> requests.Response:
        """Send a request and return its response, whose body is not read yet.

        `target` is a path below /v2/, or the Location of a response. `what` names the request in
        errors. Raises StatusError for an unexpected response, and TransientRegistryError for a
        failure that may be temporary. A request is repeated only after an expired login.
        """
        url = self._url(target)
        response = self._exchange(method, url, what, scopes, headers, body)
        if response.status_code == 401 and "WWW-Authenticate" in response.headers:
            release(response)
            self._authorizer.learn(response)
            response = self._exchange(method, url, what, scopes, headers, body)
        hops = 0
        while follow and response.status_code in _REDIRECTS and hops < _MOST_REDIRECTS:
            release(response)
            hops += 1
            url = self._redirected(url, response, what)
            response = self._exchange(method, url, what, scopes, headers, body)
        if response.status_code not in expect:
            raise self.refused(what, response)
        if is_web_page(response) and response.status_code == 200:
            release(response)
            raise self._no_registry(what)
        return response

    def refused(self, what: str, response: requests.Response) -> RegistryError:
        """Make the error for an error response, and close the response."""
        authorizer = self._authorizer
        error = refusal(
            what, self.host, response, secrets=authorizer.secrets(), hint=authorizer.hint
        )
        release(response)
        return error

    def location(self, response: requests.Response, what: str) -> str:
        """Read the URL for the next step of an upload. Raises RegistryError without a Location."""
        found = response.headers.get("Location", "")
        if not found:
            raise RegistryError(f"the registry {self.host} answered {what} without a Location")
        return self._safe(urljoin(response.url, found), what)

    # --- one exchange ----------------------------------------------------------------------------

    def _exchange(
        self,
        method: str,
        url: str,
        what: str,
        scopes: Scopes,
        headers: Mapping[str, str] | None,
        body: MakeBody | None,
    ) -> requests.Response:
        sent = dict(headers or {})
        login = self._authorizer.header(scopes) if self._is_ours(url) else None
        if login:
            sent["Authorization"] = login
        connect, read = self.patience.timeout_seconds
        problem: RegistryError | None = None
        try:
            response = self._session.request(
                method,
                url,
                headers=sent,
                data=body() if body else None,
                timeout=(connect, max(read, CLOSING_SECONDS) if body else read),
                allow_redirects=False,
                stream=True,
            )
        except OSError as error:  # those of requests among them
            problem = unreachable(what, self.host, error)
        if problem:
            # Outside of the handler, so that the error has no context, which may contain a signed
            # URL.
            raise problem
        log.debug("%s %s: %s", method, url.partition("?")[0], response.status_code)
        return response

    def _url(self, target: str) -> str:
        if target.startswith(("http://", "https://")):
            return target
        with self._lock:
            if not self._base:
                self._base = self._find()
        return f"{self._base}/v2/{target}"

    def _is_ours(self, url: str) -> bool:
        return not self._base or url.startswith(f"{self._base}/")

    # --- finding the registry --------------------------------------------------------------------

    def _find(self) -> str:
        """Find the registry's scheme; as for Docker, a registry on localhost needs no TLS."""
        name = _HUB.get(self.host, self.host)
        what = "the first request"
        problem: RegistryError | None = None
        for scheme in ("https", "http") if is_loopback(self.host) else ("https",):
            base = f"{scheme}://{name}"
            try:
                response = self._session.get(
                    f"{base}/v2/",
                    timeout=self.patience.timeout_seconds,
                    allow_redirects=False,
                    stream=True,
                )
            except OSError as error:
                problem = unreachable(what, self.host, error)
                if is_connect_failure(error):
                    break
                continue
            release(response)
            if response.status_code == 401:
                self._authorizer.learn(response)
            elif is_web_page(response) or response.status_code == 404:
                raise self._no_registry(what)
            elif response.status_code >= 400:
                raise self.refused(what, response)
            return base
        assert problem  # noqa: S101 - there was an attempt
        raise problem

    def _no_registry(self, what: str) -> RegistryError:
        return RegistryError(
            f"{self.host} answered {what} with a web page: it is not a registry, or a proxy or a "
            "login page answered in its place",
            hint="Check the name of the registry, and let the proxy or firewall pass /v2/ there.",
        )

    def _redirected(self, url: str, response: requests.Response, what: str) -> str:
        found = response.headers.get("Location", "")
        if not found:
            raise RegistryError(f"the registry {self.host} redirected {what} to nowhere")
        return self._safe(urljoin(url, found), what)

    def _safe(self, url: str, what: str) -> str:
        """Keep TLS: a registry behind a proxy may return http URLs for itself, not for others."""
        try:
            parts, base = urlsplit(url), urlsplit(self._base)
        except ValueError:
            parts = base = urlsplit("")
        if base.scheme == "https" and parts.scheme == "http" and parts.netloc == base.netloc:
            return "https" + url.removeprefix("http")
        is_fine = parts.scheme == "https" or (parts.scheme == "http" and base.scheme == "http")
        if not parts.netloc or not is_fine:
            raise RegistryError(
                f"the registry {self.host} redirected {what} to an address without TLS",
                hint="Check the external URL in the configuration of the registry.",
            )
        return url
