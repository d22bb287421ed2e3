"""Check the credentials: their source, their scope and their expiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astro_ci.astro.auth import (
    LOGIN_CONFIG,
    Credentials,
    missing_credentials,
    read_claims,
    session_domain,
)
from astro_ci.astro.endpoint import Endpoint, find_endpoint
from astro_ci.ci import CIContext, system_of
from astro_ci.deployments.find import find_access
from astro_ci.doctor.check import Check, Steps, not_checked, ok, problem, warning
from astro_ci.errors import ApiError, AuthenticationError, UnavailableError
from astro_ci.text import Regex, moment_text
from astro_ci.web.auth import NoAuth
from astro_ci.web.http import Http
from astro_ci.web.session import Patience

NAME = "credentials"
_DAY_SECONDS = 24 * 3600
_SOON_DAYS = 14
_LONG_DAYS = 100 * 365
_VARIABLE = "ASTRO_API_TOKEN"
# What a CI system leaves of a reference to a secret that is not there.
_UNEXPANDED = Regex(r"\$\(.*\)|\$\{.*\}|\$\w+|<<.*>>|%.*%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The endpoint of Astro, and the credentials for it."""

    endpoint: Endpoint
    credentials: Credentials


def credentials(
    env: Mapping[str, str], ci: CIContext, *, now: float, patience: Patience
) -> Steps[Access | None]:
    """Report the credentials: kind, source, scope and time left."""
    raw = env.get(_VARIABLE, "")
    if raw.strip() and (error := malformed(raw, ci)):
        yield problem(NAME, error)
        yield not_checked("expiry", f"the {NAME} have to be right first")
        return None
    endpoint, found = find_access(env, patience)
    if found is None:
        yield absent(env, ci)
        yield not_checked("expiry", "there are no credentials")
        return None
    yield ok(NAME, f"{_kind(found)}, from {found.source}")
    if found.source == _VARIABLE and (note := untidy(raw)):
        yield warning(NAME, note, "Store the token alone; other tools are less forgiving.")
    if found.notice:
        yield warning(NAME, "Deployment API keys are being retired", found.notice)
    if found.kind == "Deployment API key":
        yield ok("expiry", "exchanged for a new token in every run")
    else:
        yield from _time_left(found, ci, now)
    return Access(endpoint=endpoint, credentials=found)


def api(env: Mapping[str, str], patience: Patience) -> Steps[bool]:
    """Check that the API answers a request that needs no credentials."""
    endpoint = find_endpoint(env, domain=session_domain(env))
    try:
        Http(endpoint.api_url, NoAuth(), patience).get(LOGIN_CONFIG)
    except UnavailableError:
        raise
    except (ApiError, AuthenticationError):
        pass  # a refusal is an answer, too
    yield ok("API", f"{endpoint.api_url} answers")
    return True


def malformed(raw: str, ci: CIContext) -> AuthenticationError | None:
    """Return the error for a token whose text is malformed, or None."""
    text = raw.strip()
    if _UNEXPANDED.fullmatch(text):
        return AuthenticationError(
            f"{_VARIABLE} contains the name of a variable that {ci.system} does not know, and "
            "not a token",
            hint=ci.secret_hint,
        )
    if text[0] in "\"'" or text[-1] in "\"'":
        return AuthenticationError(
            f"{_VARIABLE} is wrapped in quotes",
            hint="Store the token's text alone, without quotes.",
        )
    if len(text.splitlines()) > 1:
        return AuthenticationError(
            f"{_VARIABLE} has {len(text.splitlines())} lines",
            hint="Store the token as the single line that Astro showed.",
        )
    return None


def untidy(raw: str) -> str:
    """Describe harmless oddities of the token's text; empty when there are none."""
    found = []
    if raw != raw.strip():
        found.append("has a line break or space around it")
    if raw.strip()[:7].lower() == "bearer ":
        found.append("starts with the word Bearer")
    return f"{_VARIABLE} {' and '.join(found)}" if found else ""


def absent(env: Mapping[str, str], ci: CIContext) -> Check:
    """Report missing credentials."""
    if ci.is_fork_pull_request:
        return warning(
            NAME,
            "none: pull requests from forks get no secrets. `plan` works without credentials, "
            "and lists what it assumes",
        )
    error = missing_credentials(ci.secret_hint)
    return problem(NAME, error, remedy=system_of(ci.key).secret_remedy(env))


def _kind(found: Credentials) -> str:
    if found.kind == "astro login":
        return "session of `astro login`"
    if found.kind == "Deployment API key":
        return found.kind
    claims = read_claims(found.token())
    for kind, permission in (("Deployment", "deploymentId"), ("Workspace", "workspaceId")):
        if claims and (identity := claims.named(permission)):
            return f"{kind} API token ({kind} {identity})"
    return f"Organization API token (Organization {found.organization_id or 'unknown'})"


def _time_left(found: Credentials, ci: CIContext, now: float) -> Steps[None]:
    claims = read_claims(found.token())
    if claims is None or claims.expires is None:
        yield ok("expiry", "the token names no expiry date")
        return
    days = int((claims.expires - now) // _DAY_SECONDS)
    if days > _LONG_DAYS:
        yield ok("expiry", "in more than 100 years")
        return
    when = moment_text(claims.expires)
    left = f"on {when}, in {days} days" if days else f"on {when}, within a day"
    is_session = found.kind == "astro login"
    if days >= _SOON_DAYS or is_session:  # which is renewed by logging in
        yield ok("expiry", left)
        return
    yield warning("expiry", left, f"Create a new API token in Astro in time. {ci.secret_hint}")
