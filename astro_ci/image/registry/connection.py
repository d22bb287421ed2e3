"""One registry over HTTP: find out how to ask it, log in, follow redirects without the login."""

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
"""How long a registry may take to digest what it was sent, before it answers."""


class Body:
    """The body of a request: its length is known, its bytes are made as they are sent."""

    def __init__(self, pieces: Iterator[bytes], length: int) -> None:
        self._pieces = pieces
        self.len = length  # where requests looks for the Content-Length

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces


MakeBody = Callable[[], "Body | bytes"]
"""Makes the body of one attempt; a body that was partly sent cannot be sent again."""


class Connection:
    """Asks one registry. May be used by several threads."""

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
        """Send one request and return its answer, whose body is still to be read.

        `target` is a path below /v2/, or the Location of an answer. `what` names the request in
        errors. An unexpected answer raises StatusError, one that may pass
        TransientRegistryError; nothing is repeated, but for a login that has expired.
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
        """Describe an answer that says no, and close it."""
        authorizer = self._authorizer
        error = refusal(
            what, self.host, response, secrets=authorizer.secrets(), hint=authorizer.hint
        )
        release(response)
        return error

    def location(self, response: requests.Response, what: str) -> str:
        """Read where to go on with an upload. Raises RegistryError when the answer does not say."""
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
            # Outside the handler, so without a context: the exception may hold a signed URL.
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
        """Ask the registry what it is; this machine's may do without TLS, like Docker's."""
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
            f"{self.host} answered {what} with a web page instead of what registries answer, as a "
            "proxy, a login page or a server that is no registry does",
            hint="Check the name of the registry, and let the proxy or firewall pass /v2/ there.",
        )

    def _redirected(self, url: str, response: requests.Response, what: str) -> str:
        found = response.headers.get("Location", "")
        if not found:
            raise RegistryError(f"the registry {self.host} redirected {what} to nowhere")
        return self._safe(urljoin(url, found), what)

    def _safe(self, url: str, what: str) -> str:
        """Keep to TLS: a registry behind a proxy may call itself http, others may not be it."""
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
