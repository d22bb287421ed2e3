"""Find the credentials and get their token. Only reads, and writes nothing."""

from __future__ import annotations

import base64
import binascii
import re
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from astro_ci.astro.client import decode
from astro_ci.errors import ApiError, AuthenticationError, UnavailableError
from astro_ci.project.files import read_named_text
from astro_ci.text import Regex, moment_text
from astro_ci.web.http import Http

Kind = Literal["API token", "Deployment API key", "astro login"]

AUDIENCE = "astronomer-ee"
RENEW_BEFORE_SECONDS = 300
LOGIN_CONFIG = "/private/v1alpha1/cli/auth-config"
_JSON_WEB_TOKEN = Regex(r"[\w-]+\.([\w-]+)\.[\w-]*", re.ASCII)
# Some CI systems do not replace a reference to a secret that the job does not get, as in a fork:
# $(A) on Azure, $A or ${A} on GitLab.
_MOST_SESSION_BYTES = 1_000_000
_WHERE_MADE = (
    "Create an API token in the Astro UI: under Deployment > Access > API Tokens, or for several "
    "Deployments under Workspace Settings or Organization Settings > Access Management > API "
    "Tokens."
)
_UNEXPANDED = Regex(r"\$(?:\(\w+\)|\{\w+\}|\w+)")


class Claims(Struct, frozen=True, kw_only=True):
    """The claims of a token, without verification, which is done by the service."""

    expires: float | None
    """The time of expiry, in seconds since 1970."""
    permissions: tuple[str, ...] | None

    def named(self, kind: str) -> str | None:
        """The id after `kind:` in the permissions, when there is exactly one."""
        prefix = f"{kind}:"
        found = {p.removeprefix(prefix) for p in self.permissions or () if p.startswith(prefix)}
        return found.pop() if len(found) == 1 else None


class Credentials(Struct, frozen=True, kw_only=True):
    """Returns a token that is valid now."""

    kind: Kind
    source: str
    """The variables or the file of the credentials."""
    token: Callable[[], str]
    organization_id: str | None = None
    workspace_id: str | None = None
    notice: str = ""
    """A notice for the user about this kind of credentials."""

    def __repr__(self) -> str:
        """Show the kind and the source, without the token."""
        return f"Credentials(kind={self.kind!r}, source={self.source!r})"


def find_credentials(
    env: Mapping[str, str],
    *,
    login: Callable[[], Http],
    domain: str,
    now: Callable[[], float] = time.time,
) -> Credentials | None:
    """Return the first credentials that exist; None when there are none.

    `login` opens the connection to the host that exchanges keys for tokens. Raises
    AuthenticationError when the first credentials that exist cannot work.
    """
    if token := _without_bearer(_given(env, "ASTRO_API_TOKEN")):
        return _from_api_token(token, now())
    key_id = _given(env, "ASTRONOMER_KEY_ID")
    key_secret = _given(env, "ASTRONOMER_KEY_SECRET")
    if key_id or key_secret:
        return _from_deployment_key(key_id, key_secret, login(), now)
    return _from_session(env, domain, now())


def missing_credentials(secret_hint: str = "") -> AuthenticationError:
    """Make the error for a command that needs credentials.

    `secret_hint` says how to give a job the token; see `CIContext`.
    """
    how = secret_hint or "Export the token as ASTRO_API_TOKEN."
    return AuthenticationError(
        "no credentials were found: neither ASTRO_API_TOKEN nor ASTRONOMER_KEY_ID with "
        "ASTRONOMER_KEY_SECRET is set, and there is no session of `astro login`",
        hint=f"{_WHERE_MADE} {how}",
    )


def read_claims(token: str) -> Claims | None:
    """Read a JSON Web Token's claims; None when it is not one."""
    found = _JSON_WEB_TOKEN.fullmatch(token)
    if found is None:
        return None
    payload = found[1] + "=" * (-len(found[1]) % 4)
    try:
        claims = msgspec.json.decode(base64.b64decode(payload, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return None
    if not isinstance(claims, dict):
        return None
    expires, permissions = claims.get("exp"), claims.get("permissions")
    return Claims(
        expires=float(expires) if isinstance(expires, int | float) else None,
        permissions=tuple(map(str, permissions)) if isinstance(permissions, list) else None,
    )


def _from_api_token(token: str, now: float) -> Credentials:
    claims = read_claims(token)
    if claims is None:
        raise AuthenticationError(
            "ASTRO_API_TOKEN is not a token: it should be three parts joined by dots",
            hint="Store the token's text as it was shown when it was created, without quotes; "
            "an id or a name is not the token.",
        )
    if claims.permissions is None:
        raise AuthenticationError(
            "ASTRO_API_TOKEN is not an Astro API token: it is a JSON Web Token of another "
            "service, without `permissions`",
            hint="Create an Organization, Workspace or Deployment API token in Astro.",
        )
    _refuse_expired("ASTRO_API_TOKEN", claims, now, "Create a new API token in Astro and store it.")
    return Credentials(
        kind="API token",
        source="ASTRO_API_TOKEN",
        token=lambda: token,
        organization_id=claims.named("organizationId"),
        workspace_id=claims.named("workspaceId"),
    )


def _refuse_expired(name: str, claims: Claims, now: float, hint: str) -> None:
    if claims.expires is not None and claims.expires <= now:
        raise AuthenticationError(f"{name} expired on {moment_text(claims.expires)}", hint=hint)


def _given(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "").strip()
    return "" if _UNEXPANDED.fullmatch(value) else value


def _without_bearer(text: str) -> str:
    text = text.strip()
    return text[7:].strip() if text[:7].lower() == "bearer " else text


# --- Deployment API keys ------------------------------------------------------------------------


class _LoginConfig(msgspec.Struct, rename="camel"):
    domain_url: str


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float


class _KeyToken:
    """The token for a Deployment API key, exchanged at the first use and before it expires."""

    def __init__(self, key_id: str, key_secret: str, http: Http, now: Callable[[], float]) -> None:
        self._key = (key_id, key_secret)
        self._http = http
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._renew_at = 0.0

    def __call__(self) -> str:
        """Return a token that is valid for some minutes."""
        with self._lock:
            if self._now() >= self._renew_at:
                token = self._exchange()
                # A token with a short lifetime is renewed after half of this time, not at every
                # call.
                margin = min(RENEW_BEFORE_SECONDS, token.expires_in / 2)
                self._token = token.access_token
                self._renew_at = self._now() + token.expires_in - margin
            return self._token

    def _exchange(self) -> _Token:
        what = f"GET {self._http.base_url}{LOGIN_CONFIG}"
        config = decode(self._http.get(LOGIN_CONFIG), _LoginConfig, what)
        form = {
            "client_id": self._key[0],
            "client_secret": self._key[1],
            "audience": AUDIENCE,
            "grant_type": "client_credentials",
        }
        url = f"{config.domain_url.rstrip('/')}/oauth/token"
        try:
            return decode(self._http.post_form(url, form), _Token, f"POST {url}")
        except UnavailableError:
            raise
        except (ApiError, AuthenticationError) as error:
            raise AuthenticationError(
                f"Astro refused ASTRONOMER_KEY_ID and ASTRONOMER_KEY_SECRET: {error}",
                hint="Check that both belong to one Deployment API key that still exists; better, "
                "replace them with an API token in ASTRO_API_TOKEN.",
            ) from error


def _from_deployment_key(
    key_id: str, key_secret: str, http: Http, now: Callable[[], float]
) -> Credentials:
    if not (key_id and key_secret):
        there, missing = "ASTRONOMER_KEY_ID", "ASTRONOMER_KEY_SECRET"
        if key_secret:
            there, missing = missing, there
        raise AuthenticationError(
            f"{there} is set, and {missing} is not",
            hint=f"Set {missing} too, or use an API token in ASTRO_API_TOKEN instead.",
        )
    token = _KeyToken(key_id, key_secret, http, now)
    claims = read_claims(token()) or Claims(expires=None, permissions=None)
    return Credentials(
        kind="Deployment API key",
        source="ASTRONOMER_KEY_ID and ASTRONOMER_KEY_SECRET",
        token=token,
        organization_id=claims.named("organizationId"),
        workspace_id=claims.named("workspaceId"),
        notice="Deployment API keys are being retired; create a Deployment API token and store "
        "it as ASTRO_API_TOKEN.",
    )


# --- a developer's `astro login` ----------------------------------------------------------------


def session_domain(env: Mapping[str, str]) -> str | None:
    """Return the domain of the session of `astro login`; None without a session."""
    context = _read_session(env).get("context")
    return str(context) if context else None


def _from_session(env: Mapping[str, str], domain: str, now: float) -> Credentials | None:
    contexts = _lower_keys(_read_session(env).get("contexts"))
    context = _lower_keys(contexts.get(domain.replace(".", "_").lower()))
    token = _without_bearer(str(context.get("token") or ""))
    if not token:
        return None
    claims = read_claims(token) or Claims(expires=None, permissions=None)
    _refuse_expired("the session of `astro login`", claims, now, "Run `astro login` again.")
    return Credentials(
        kind="astro login",
        source=str(_session_file(env)),
        token=lambda: token,
        organization_id=str(context.get("organization") or "") or None,
        workspace_id=str(context.get("workspace") or "") or None,
    )


def _session_file(env: Mapping[str, str]) -> Path:
    # A container job may have no home directory, and then no session.
    return Path(env.get("ASTRO_HOME") or env.get("HOME") or "/") / ".astro" / "config.yaml"


def _read_session(env: Mapping[str, str]) -> dict[str, Any]:
    path = _session_file(env)
    if not path.is_file():
        return {}
    import yaml

    try:
        return _lower_keys(yaml.safe_load(read_named_text(path, most_bytes=_MOST_SESSION_BYTES)))
    except OSError as error:
        why = error.strerror
    # PyYAML's message is not repeated, because it quotes a line, which may contain a token.
    except (yaml.YAMLError, ValueError, RecursionError):
        why = "it is not valid YAML"
    raise AuthenticationError(f"{path} cannot be read: {why}", hint="Run `astro login` again.")


def _lower_keys(mapping: Any) -> dict[str, Any]:
    if not isinstance(mapping, dict):
        return {}
    return {str(key).lower(): value for key, value in mapping.items()}
