"""Login: where tokens come from, and the exchange of Deployment API keys for one.

Source: RFC 6749, section 4.4 (client credentials) and 5.2 (errors), with an `audience`.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.tokens import Claims, sign
from astro_ci.sandbox.store.state import State

AUDIENCE = "astronomer-ee"
CLIENT_ID = "astro-sandbox-cli"
MAX_FORM_BYTES = 64 << 10


class Login:
    """Answers the login endpoints."""

    def __init__(self, platform: Platform, api_url: str, token_lifetime_seconds: int) -> None:
        self._platform = platform
        self._api_url = api_url
        self._token_lifetime_seconds = token_lifetime_seconds

    def routes(self) -> list[Route]:
        """List the paths and what answers them."""
        return [
            Route("/private/v1alpha1/cli/auth-config", self.auth_config, methods=["GET"]),
            Route("/oauth/token", self.token, methods=["POST"]),
        ]

    async def auth_config(self, request: Request) -> Response:
        """Say who exchanges tokens; the URL ends in a slash."""
        return JSONResponse(
            {"clientId": CLIENT_ID, "audience": AUDIENCE, "domainUrl": f"{self._api_url}/"}
        )

    async def token(self, request: Request) -> Response:
        """Exchange a Deployment API key for a token."""
        form = await _form(request)
        state = self._platform.state
        if form.get("grant_type") != "client_credentials":
            return _error(400, "unsupported_grant_type", "grant_type must be client_credentials")
        if not form.get("client_id") or not form.get("client_secret"):
            return _error(400, "invalid_request", "client_id and client_secret are required")
        if form.get("audience") != AUDIENCE:
            return _error(403, "access_denied", f"audience must be {AUDIENCE}")
        if not _is_key(state, form["client_id"], form["client_secret"]):
            return _error(401, "access_denied", "Unauthorized")
        lifetime = self._token_lifetime_seconds
        return JSONResponse(
            {
                "access_token": key_token(state, self._platform.now(), lifetime),
                "expires_in": lifetime,
                "token_type": "Bearer",
            },
            headers={"cache-control": "no-store"},
        )


def key_token(state: State, now: float, lifetime_seconds: int) -> str:
    """Make the token that the seeded Deployment API key is exchanged for."""
    deployment = state.deployments[0]
    return sign(
        Claims(
            sub=state.key_id,
            iat=int(now),
            exp=int(now) + lifetime_seconds,
            permissions=[
                f"apiKeyId:{state.key_id}",
                f"organizationId:{state.organization_id}",
                f"workspaceId:{state.workspace_id}",
                f"deploymentId:{deployment.id}",
            ],
            jti=uuid4().hex,
            generation=state.token_generation,
        ),
        state,
    )


def _is_key(state: State, key_id: str, key_secret: str) -> bool:
    return all(
        hmac.compare_digest(given.encode(), ours.encode())
        for given, ours in ((key_id, state.key_id), (key_secret, state.key_secret))
    )


async def _form(request: Request) -> dict[str, str]:
    raw = b""
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_FORM_BYTES:
            return {}
    return {name: values[-1] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}


def _error(status: int, code: str, description: str) -> Response:
    return JSONResponse({"error": code, "error_description": description}, status)
