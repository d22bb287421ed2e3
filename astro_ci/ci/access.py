"""Let git fetch from the job's own git host if the checkout stored no credentials."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

from astro_ci.ci.context import CIContext
from astro_ci.ci.systems import system_of

FORGE_TOKEN = "ASTRO_CI_FORGE_TOKEN"  # noqa: S105 - the name of a variable


def git_access(ci: CIContext, env: Mapping[str, str]) -> Mapping[str, str]:
    """Return variables for git, with the git host's token as a header for this host only.

    There are none, unless the GitHub actions have set their variable to a token. git reads these
    variables like `-c` options, but they are not visible in the list of processes. Source:
    git-config(1), GIT_CONFIG_COUNT and http.extraHeader. An empty value resets the headers, because
    a request with two such headers is refused.
    """
    token = env.get(FORGE_TOKEN, "").strip()
    server = urlsplit(env.get("GITHUB_SERVER_URL", "").strip())
    if not token or server.scheme not in ("http", "https"):
        return {}
    if not system_of(ci.key).takes_forge_token:
        return {}
    header = f"AUTHORIZATION: basic {_encoded(token)}"
    first = env.get("GIT_CONFIG_COUNT", "")
    number = int(first) if first.isdecimal() else 0
    key = f"http.{server.scheme}://{server.netloc}/.extraheader"
    return {
        "GIT_CONFIG_COUNT": str(number + 2),
        f"GIT_CONFIG_KEY_{number}": key,
        f"GIT_CONFIG_VALUE_{number}": "",
        f"GIT_CONFIG_KEY_{number + 1}": key,
        f"GIT_CONFIG_VALUE_{number + 1}": header,
    }


def _encoded(token: str) -> str:
    return base64.b64encode(f"x-access-token:{token}".encode()).decode()
