"""Sessions of a user: authorization codes with PKCE, access tokens, refresh tokens.

Source: RFC 6749, sections 4.1 and 6; RFC 7636; loopback redirects as in RFC 8252.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.tokens import Claims, read_claims, sign
from astro_ci.sandbox.store.state import State

CLIENT_ID = "astro-sandbox-cli"
AUDIENCE = "astronomer-ee"
CODE_LIFETIME_SECONDS = 60
REFRESH_LIFETIME_SECONDS = 30 * 24 * 3600
MAX_WAITING_CODES = 100


class OAuthRefusal(Exception):
    """The error of a refused login, in OAuth's words."""

    def __init__(self, status: int, code: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class _Grant:
    """The login that an authorization code was issued for."""

    redirect_uri: str
    challenge: str
    expires: float


class Sessions:
    """Issues authorization codes, each valid for one use within a minute, and redeems them."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._waiting: dict[str, _Grant] = {}

    def authorize(self, redirect_uri: str, challenge: str, now: float) -> str:
        """Issue a code. Raises OAuthRefusal for a request without PKCE."""
        if not challenge:
            raise OAuthRefusal(400, "invalid_request", "code_challenge (S256) is required")
        while len(self._waiting) >= MAX_WAITING_CODES:
            del self._waiting[next(iter(self._waiting))]
        code = secrets.token_urlsafe(32)
        self._waiting[code] = _Grant(redirect_uri, challenge, now + CODE_LIFETIME_SECONDS)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str, now: float) -> None:
        """Accept a code, once. Raises OAuthRefusal unless it was issued for this client."""
        grant = self._waiting.pop(code, None)
        if grant is None or grant.expires <= now:
            raise OAuthRefusal(403, "invalid_grant", "Invalid authorization code")
        digest = hashlib.sha256(verifier.encode()).digest()
        found = base64.urlsafe_b64encode(digest).rstrip(b"=")
        is_ours = hmac.compare_digest(found, grant.challenge.rstrip("=").encode())
        if not is_ours or redirect_uri != grant.redirect_uri:
            raise OAuthRefusal(403, "invalid_grant", "Failed to verify code verifier")

    def check_refresh(self, token: str, now: float) -> None:
        """Raise OAuthRefusal unless this is a refresh token of this sandbox."""
        try:
            is_refresh = read_claims(token, self._state, now).is_refresh
        except Refusal:
            is_refresh = False
        if not is_refresh:
            raise OAuthRefusal(403, "invalid_grant", "Unknown or invalid refresh token.")

    def access_token(self, now: float, lifetime_seconds: int) -> str:
        """Make a token of the user's session."""
        return self._sign(now, lifetime_seconds, is_refresh=False)

    def refresh_token(self, now: float) -> str:
        """Make a refresh token."""
        return self._sign(now, REFRESH_LIFETIME_SECONDS, is_refresh=True)

    def _sign(self, now: float, lifetime_seconds: int, *, is_refresh: bool) -> str:
        claims = Claims(
            sub=self._state.user_id,
            iat=int(now),
            exp=int(now) + lifetime_seconds,
            jti=uuid4().hex,
            generation=None if is_refresh else self._state.token_generation,
            is_refresh=is_refresh,
        )
        return sign(claims, self._state)


def check_redirect(uri: str) -> None:
    """Raise OAuthRefusal for a redirect to another machine, which must not get a code."""
    try:
        parts = urlsplit(uri)
        is_local = parts.hostname in ("localhost", "127.0.0.1", "::1") and parts.port is not None
    except ValueError:
        is_local = False
    if not is_local or parts.scheme != "http" or parts.fragment or not uri.isprintable():
        raise OAuthRefusal(
            400, "invalid_request", "redirect_uri must be http, a port of localhost, and a path"
        )
