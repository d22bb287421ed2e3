"""Log in to one registry: Basic, or a token for the repositories that a request is about.

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
"""What a request may do, such as `repository:org/name:pull,push`."""

_CLIENT_ID = "astro-ci"
_SHORTEST_SECONDS = 60.0
"""What the specification says for a token that does not say how long it lasts."""
_MARGIN_SECONDS = 15.0


class Login(Struct, frozen=True, kw_only=True):
    """Who asks. Without a user name the password is an identity token of OAuth2."""

    username: str
    password: Callable[[], str]
    """Asked for each time: tokens of Astro are renewed."""
    hint: str
    """What to do when the registry refuses this login."""

    def __repr__(self) -> str:
        """Name it, without the password."""
        return f"Login(username={self.username!r})"

    def basic(self) -> str:
        """Write the header of HTTP's basic authentication."""
        pair = f"{self.username}:{self.password()}".encode()
        return f"Basic {base64.b64encode(pair).decode('ascii')}"


class _Token(Struct):
    token: str = ""
    access_token: str = ""
    expires_in: float = _SHORTEST_SECONDS


class Authorizer:
    """Knows how one registry wants to be asked, and keeps the tokens that it gave."""

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
        """What to do when the registry says no."""
        if self.login:
            return self.login.hint
        return (
            f"Check the image's name; if it is private, log in to {self.host} earlier in this job, "
            "for example with `docker login`."
        )

    def secrets(self) -> list[str]:
        """What must not be repeated of a request."""
        if self.login is None:
            return []
        return [self.login.password(), self.login.basic().removeprefix("Basic ")]

    def learn(self, response: requests.Response) -> None:
        """Remember how the registry wants to be asked, from its 401."""
        header = response.headers.get("WWW-Authenticate", "")
        with self._lock:
            self._challenges = {one.scheme: one for one in read_challenges(header)}
            self._tokens.clear()

    def header(self, scopes: Scopes) -> str | None:
        """Write the Authorization header of a request; None to ask without one.

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
    """Whether a host, with or without a port, is this machine, where no TLS is needed."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:  # a name is not, whatever it starts with
        return name == "localhost"


def _refuse_plain(realm: str, host: str) -> None:
    """Raise RegistryError when the credentials would travel without encryption."""
    try:
        parts = urlsplit(realm)
        # At a backslash, libraries disagree on which host a URL names.
        is_local = "\\" not in realm and is_loopback(parts.netloc)
        is_fine = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    except ValueError:
        is_fine = False
    if not is_fine:
        raise RegistryError(
            f"the registry {host} wants the login at an address without TLS",
            hint="Give the token service of the registry an https address.",
        )
