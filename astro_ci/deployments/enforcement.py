"""Check CI/CD enforcement, with which a Deployment accepts deploys only with tokens and keys."""

from __future__ import annotations

from astro_ci.astro.auth import Credentials
from astro_ci.errors import AuthenticationError
from astro_ci.model import Deployment
from astro_ci.text import printable


def refuse_session(deployment: Deployment, credentials: Credentials, *, outcome: str = "") -> None:
    """Raise AuthenticationError when Astro would refuse a deploy; `outcome` ends the message."""
    if deployment.is_cicd_enforced and credentials.kind == "astro login":
        raise AuthenticationError(
            f"the Deployment {printable(deployment.name)} accepts deploys from CI/CD only, and "
            f"these credentials are the session of `astro login`{outcome}",
            hint="Use an API token in ASTRO_API_TOKEN.",
        )
