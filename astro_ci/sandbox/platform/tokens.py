"""The tokens of the local Astro: JSON Web Tokens, signed with HS256.

Clients read the claims without verifying the signature, so the claims are as in Astro's tokens.
Source: RFC 7519; the claims as the Astro CLI reads them.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from uuid import uuid4

import msgspec
from msgspec import Struct, field

from astro_ci.sandbox.platform.refusal import Refusal
from astro_ci.sandbox.store.state import DeploymentRecord, State

LONG_LIFETIME_SECONDS = 10 * 365 * 24 * 3600


class Claims(Struct, kw_only=True, omit_defaults=True, rename="camel"):
    """The claims of a token. The token of a user's session has no permissions."""

    sub: str
    iat: int
    exp: int
    permissions: list[str] = field(default_factory=list)
    api_token_id: str = ""
    is_astronomer_generated: bool = False
    jti: str = ""
    generation: int | None = None
    """Set for tokens from an exchange; see State.token_generation."""
    is_refresh: bool = False
    """Whether this is a refresh token, which only the token endpoint accepts."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity behind a request."""

    subject: str
    is_session: bool = False
    """Whether the token is of a user's session, which CI/CD enforcement refuses."""
    deployment_id: str | None = None
    """The only Deployment that the token can see; None for all Deployments."""

    def sees(self, deployment: DeploymentRecord) -> bool:
        return self.deployment_id in (None, deployment.id)


def sign(claims: Claims, state: State) -> str:
    """Make a token with these claims."""
    header = _encode(b'{"alg":"HS256","typ":"JWT"}')
    body = f"{header}.{_encode(msgspec.json.encode(claims))}"
    return f"{body}.{_signature(body, state)}"


def api_token(state: State) -> str:
    """Make the Workspace API token of this state; the token is the same each time."""
    return _made_once(state.api_token_id, state.created_at, state)


def deployment_token(deployment: DeploymentRecord, state: State) -> str:
    """Make the API token of one Deployment; the token is the same each time."""
    only = f"deploymentId:{deployment.id}"
    return _made_once(deployment.api_token_id, deployment.created_at, state, only)


def _made_once(token_id: str, created_at: float, state: State, *only: str) -> str:
    """Make an API token, which `only` narrows to less than the Workspace."""
    issued = int(created_at)
    return sign(
        Claims(
            sub=token_id,
            iat=issued,
            exp=issued + LONG_LIFETIME_SECONDS,
            permissions=[
                f"apiTokenId:{token_id}",
                f"organizationId:{state.organization_id}",
                f"workspaceId:{state.workspace_id}",
                *only,
            ],
            api_token_id=token_id,
            is_astronomer_generated=True,
        ),
        state,
    )


def session_token(state: State) -> str:
    """Make a session token of the user that does not expire; the token is the same each time."""
    issued = int(state.created_at)
    return sign(Claims(sub=state.user_id, iat=issued, exp=issued + LONG_LIFETIME_SECONDS), state)


def fresh_token(
    state: State,
    now: float,
    lifetime_seconds: float,
    deployment: DeploymentRecord | None,
    *,
    is_session: bool,
) -> str:
    """Make a new token: of the Workspace, of one Deployment, or of a user's session."""
    permissions = [
        f"apiTokenId:{state.api_token_id}",
        f"organizationId:{state.organization_id}",
        f"workspaceId:{state.workspace_id}",
    ]
    if deployment is not None:
        permissions.append(f"deploymentId:{deployment.id}")
    claims = Claims(
        sub=state.user_id if is_session else state.api_token_id,
        iat=int(now),
        exp=int(now + lifetime_seconds),
        permissions=[] if is_session else permissions,
        jti=uuid4().hex,
    )
    return sign(claims, state)


def identify(token: str, state: State, now: float) -> Identity:
    """Read the identity of a token. Raises Refusal 401 for a foreign or an expired token."""
    claims = read_claims(token, state, now)
    deployment_id = _permission(claims, "deploymentId")
    is_gone = deployment_id not in (None, *(one.id for one in state.deployments))
    if claims.is_refresh or is_gone:
        raise Refusal(401, "Invalid authorization token")
    return Identity(
        subject=claims.sub, is_session=not claims.permissions, deployment_id=deployment_id
    )


def read_claims(token: str, state: State, now: float) -> Claims:
    """Read the claims of a token. Raises Refusal 401 for a foreign or an expired token."""
    body, _, signature = token.rpartition(".")
    if not hmac.compare_digest(_signature(body, state).encode(), signature.encode()):
        raise Refusal(401, "Invalid authorization token")
    claims = msgspec.json.decode(_decode(body.partition(".")[2]), type=Claims)
    if claims.exp <= now or claims.generation not in (None, state.token_generation):
        raise Refusal(401, "The authorization token has expired")
    return claims


def _permission(claims: Claims, kind: str) -> str | None:
    for permission in claims.permissions:
        name, _, value = permission.partition(":")
        if name == kind:
            return value
    return None


def _signature(body: str, state: State) -> str:
    key = bytes.fromhex(state.signing_key)
    return _encode(hmac.digest(key, body.encode("utf-8", "replace"), "sha256"))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
