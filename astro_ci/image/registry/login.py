"""Log in to a registry: with Basic, or with a token for the repositories of a request.

Source: the token and the OAuth2 specification of Docker's registry.
"""

from __future__ import annotations

import base64
import ipaddress
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import msgspec
import requests
from msgspec import Struct

from astro_ci.errors import RegistryError
from astro_ci.image.registry.challenge import Challenge, read_challenges
from astro_ci.image.registry.failure import MAX_ERROR_BYTES, read_at_most, refusal, unreachable

Scopes = tuple[str, ...]
"""The permission that a request needs, such as `repository:org/name:pull,push`."""

_CLIENT_ID = "astro-ci"
_SHORTEST_SECONDS = 60.0
"""The lifetime that the specification gives to a token without a stated lifetime."""
_MARGIN_SECONDS = 15.0


class Login(Struct, frozen=True, kw_only=True):
    """A user name and a password; without a user name, the password is an OAuth2 identity token."""

    username: str
    password: Callable[[], str]
    """A function that is called for each use, because Astro's tokens are renewed."""
    hint: str
    """The hint for a refusal of this login."""

    def __repr__(self) -> str:
        """Show the user name, without the password."""
        return f"Login(username={self.username!r})"

    def basic(self) -> str:
        """Return the Authorization header for HTTP Basic."""
        pair = f"{self.username}:{self.password()}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


class _Token(Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float = _SHORTEST_SECONDS


class Authorizer:
    """Knows how to log in to a registry, and keeps its tokens."""

    def __init__(
        self,
        host: str,
        login: Login | None,
        session: requests.Session,
        timeout_seconds: tuple[float, float],
    ) -> None:
        self.host = host
        self.login = login
        self._session = session
        self._timeout = timeout_seconds
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[Scopes, tuple[str, float]] = {}
        self._lock = threading.Lock()

    @property
    def hint(self) -> str:
        """The hint for a refused request."""
        if self.login:
            return self.login.hint
        return (
            f"Check the image's name; if it is private, log in to {self.host} earlier in this job, "
            "for example with `docker login`."
        )

    def secrets(self) -> list[str]:
        """The texts of a request that a message must not repeat."""
        if self.login is None:
            return []
        return [self.login.password(), self.login.basic().removeprefix("Basic ")]

    def learn(self, response: requests.Response) -> None:
        """Remember the way to log in that a 401 of the registry names."""
        header = response.headers.get("WWW-Authenticate", "")
        with self._lock:
            self._challenges = {one.scheme: one for one in read_challenges(header)}
            self._tokens.clear()

    def header(self, scopes: Scopes) -> str | None:
        """Return the Authorization header for a request; None for a request without it.

        Raises RegistryError when the registry gives no token for these scopes.
        """
        with self._lock:
            if bearer := self._challenges.get("bearer"):
                return f"Bearer {self._token(bearer, scopes)}"
            if self.login and "basic" in self._challenges:
                return self.login.basic()
            return None

    def _token(self, challenge: Challenge, scopes: Scopes) -> str:
        token, until = self._tokens.get(scopes, ("", 0.0))
        if token and time.monotonic() < until:
            return token
        found = self._ask(challenge, scopes)
        lasts = max(found.expires_in, _SHORTEST_SECONDS) - _MARGIN_SECONDS
        token = found.token or found.access_token
        self._tokens[scopes] = (token, time.monotonic() + lasts)
        return token

    def _ask(self, challenge: Challenge, scopes: Scopes) -> _Token:
        realm = challenge.parameters.get("realm", "")
        what = "the request for a token"
        _refuse_plain(realm, self.host)
        service = challenge.parameters.get("service", "")
        problem: RegistryError | None = None
        try:
            response = self._send(realm, service, scopes)
            raw = read_at_most(response, MAX_ERROR_BYTES) if response.status_code == 200 else None
        except OSError as error:  # those of requests among them
            problem = unreachable(what, self.host, error)
        if problem:
            raise problem
        if response.status_code != 200:
            raise refusal(what, self.host, response, secrets=self.secrets(), hint=self.hint)
        try:
            found = msgspec.json.decode(raw or b"", type=_Token)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            found = _Token()
        if not (found.token or found.access_token).isprintable() or found == _Token():
            raise RegistryError(f"the registry {self.host} answered {what} without a token")
        return found

    def _send(self, realm: str, service: str, scopes: Scopes) -> requests.Response:
        asked = {"service": service} if service else {}
        if self.login and not self.login.username:
            form = {
                **asked,
                "grant_type": "refresh_token",
                "refresh_token": self.login.password(),
                "client_id": _CLIENT_ID,
                "scope": " ".join(scopes),
            }
            return self._session.post(
                realm, data=form, timeout=self._timeout, allow_redirects=False, stream=True
            )
        return self._session.get(
            realm,
            params={**asked, "client_id": _CLIENT_ID, "scope": list(scopes)},
            headers={"Authorization": self.login.basic()} if self.login else {},
            timeout=self._timeout,
            allow_redirects=False,
            stream=True,
        )


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine, for which TLS is not required."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:  # a host name that starts with 127. is not this machine
        return name == "localhost"


def _refuse_plain(realm: str, host: str) -> None:
    """Raise RegistryError when the credentials would be sent without encryption."""
    try:
        parts = urlsplit(realm)
        # With a backslash in a URL, libraries disagree about its host.
        is_local = "\\" not in realm and is_loopback(parts.netloc)
        is_fine = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    except ValueError:
        is_fine = False
    if not is_fine:
        raise RegistryError(
            f"the registry {host} wants the login at an address without TLS",
            hint="Give the token service of the registry an https address.",
        )
