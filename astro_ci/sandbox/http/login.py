"""Login: the exchange of a Deployment API key for a token, and a user's login in a browser.

Source: RFC 6749, sections 4.1 (authorization code), 4.4 (client credentials, here with an
`audience`), 5.2 (errors) and 6 (refresh); OpenID Connect Core, section 5.3 (UserInfo).
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs, urlencode
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.http.views.json import USER_EMAIL, USER_NAME
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.platform.sessions import (
    AUDIENCE,
    CLIENT_ID,
    OAuthRefusal,
    Sessions,
    check_redirect,
)
from astro_ci.sandbox.platform.tokens import Claims, identify, sign
from astro_ci.sandbox.store.state import State

MAX_FORM_BYTES = 64 << 10
SCOPE = "openid profile email offline_access"

Form = dict[str, str]


class Login:
    """Answers the login endpoints. Every login is for the sandbox's only user."""

    def __init__(self, platform: Platform, api_url: str, token_lifetime_seconds: int) -> None:
        self._platform = platform
        self._api_url = api_url
        self._token_lifetime_seconds = token_lifetime_seconds
        self._sessions = Sessions(platform.state)
        self._grants = {
            "client_credentials": self._client_credentials,
            "authorization_code": self._authorization_code,
            "refresh_token": self._refresh_token,
        }

    def routes(self) -> list[Route]:
        """List the routes of the login endpoints."""
        return [
            Route("/private/v1alpha1/cli/auth-config", self.auth_config, methods=["GET"]),
            Route("/authorize", self.authorize, methods=["GET"]),
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/userinfo", self.userinfo, methods=["GET", "POST"]),
        ]

    async def auth_config(self, request: Request) -> Response:
        """Return the client id, the audience and the URL of this login; the URL ends in a slash."""
        return JSONResponse(
            {"clientId": CLIENT_ID, "audience": AUDIENCE, "domainUrl": f"{self._api_url}/"}
        )

    async def authorize(self, request: Request) -> Response:
        """Redirect the browser to its client with a code or an error."""
        query = request.query_params
        redirect_uri = query.get("redirect_uri", "")
        try:
            check_redirect(redirect_uri)
        except OAuthRefusal as refusal:
            return _error(refusal)
        back: dict[str, str] = {}
        try:
            _check_authorization(request)
            now = self._platform.now()
            back["code"] = self._sessions.authorize(
                redirect_uri, query.get("code_challenge", ""), now
            )
        except OAuthRefusal as refusal:
            back = {"error": refusal.code, "error_description": refusal.description}
        if "state" in query:
            back["state"] = query["state"]
        mark = "&" if "?" in redirect_uri else "?"
        return RedirectResponse(f"{redirect_uri}{mark}{urlencode(back)}", 302)

    async def token(self, request: Request) -> Response:
        """Issue a token for a key, a code or a refresh token."""
        form = await _form(request)
        grant = self._grants.get(form.get("grant_type", ""))
        try:
            if grant is None:
                known = ", ".join(self._grants)
                raise OAuthRefusal(
                    400, "unsupported_grant_type", f"grant_type must be one of {known}"
                )
            answer = grant(form)
        except OAuthRefusal as refusal:
            return _error(refusal)
        shared = {"expires_in": self._token_lifetime_seconds, "token_type": "Bearer"}
        return JSONResponse(answer | shared, headers={"cache-control": "no-store"})

    async def userinfo(self, request: Request) -> Response:
        """Return the user of a session."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        state = self._platform.state
        try:
            if scheme.lower() != "bearer":
                raise Refusal(401, "Missing authorization token")
            if not identify(token.strip(), state, self._platform.now()).is_session:
                raise Refusal(401, "An API token has no user")
        except Refusal as refusal:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            return JSONResponse({"error": refusal.message}, 401, challenge)
        return JSONResponse(
            {
                "sub": state.user_id,
                "name": USER_NAME,
                "email": USER_EMAIL,
                "email_verified": True,
            }
        )

    def _client_credentials(self, form: Form) -> dict[str, object]:
        state = self._platform.state
        _require(form, "client_id", "client_secret")
        if form.get("audience") != AUDIENCE:
            raise OAuthRefusal(403, "access_denied", f"audience must be {AUDIENCE}")
        if not _is_key(state, form["client_id"], form["client_secret"]):
            raise OAuthRefusal(401, "access_denied", "Unauthorized")
        lifetime = self._token_lifetime_seconds
        return {"access_token": key_token(state, self._platform.now(), lifetime)}

    def _authorization_code(self, form: Form) -> dict[str, object]:
        _require(form, "client_id", "code", "code_verifier", "redirect_uri")
        _check_client(form["client_id"])
        now = self._platform.now()
        self._sessions.redeem(form["code"], form["redirect_uri"], form["code_verifier"], now)
        return {
            **self._session(),
            "refresh_token": self._sessions.refresh_token(now),
            "scope": SCOPE,
        }

    def _refresh_token(self, form: Form) -> dict[str, object]:
        _require(form, "client_id", "refresh_token")
        _check_client(form["client_id"])
        self._sessions.check_refresh(form["refresh_token"], self._platform.now())
        return {**self._session(), "scope": SCOPE}

    def _session(self) -> dict[str, object]:
        now = self._platform.now()
        return {"access_token": self._sessions.access_token(now, self._token_lifetime_seconds)}


def key_token(state: State, now: float, lifetime_seconds: int) -> str:
    """Make a token in exchange for the Deployment API key."""
    return sign(
        Claims(
            sub=state.key_id,
            iat=int(now),
            exp=int(now) + lifetime_seconds,
            permissions=[
                f"apiKeyId:{state.key_id}",
                f"organizationId:{state.organization_id}",
                f"workspaceId:{state.workspace_id}",
                f"deploymentId:{state.key_deployment_id}",
            ],
            jti=uuid4().hex,
            generation=state.token_generation,
        ),
        state,
    )


def _is_key(state: State, key_id: str, key_secret: str) -> bool:
    """Whether this is the key of an existing Deployment."""
    is_there = any(one.id == state.key_deployment_id for one in state.deployments)
    return is_there and all(
        hmac.compare_digest(given.encode(), ours.encode())
        for given, ours in ((key_id, state.key_id), (key_secret, state.key_secret))
    )


def _check_authorization(request: Request) -> None:
    query = request.query_params
    _check_client(query.get("client_id", ""))
    if query.get("response_type") != "code":
        raise OAuthRefusal(400, "unsupported_response_type", "response_type must be code")
    if query.get("code_challenge_method") != "S256":
        raise OAuthRefusal(400, "invalid_request", "code_challenge_method must be S256")
    if query.get("audience", AUDIENCE) != AUDIENCE:
        raise OAuthRefusal(403, "access_denied", f"audience must be {AUDIENCE}")


def _check_client(client_id: str) -> None:
    if client_id != CLIENT_ID:
        raise OAuthRefusal(401, "invalid_client", "Unknown client")


def _require(form: Form, *names: str) -> None:
    if not all(form.get(name) for name in names):
        raise OAuthRefusal(400, "invalid_request", f"{' and '.join(names)} are required")


async def _form(request: Request) -> Form:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_FORM_BYTES:
            return {}
    return {name: values[-1] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}


def _error(refusal: OAuthRefusal) -> Response:
    body = {"error": refusal.code, "error_description": refusal.description}
    return JSONResponse(body, refusal.status)
