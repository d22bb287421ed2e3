"""Read the docker configuration of the user: the config file, the logins, and docker contexts."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from astro_ci.errors import DockerError

log = logging.getLogger(__name__)

DEFAULT_HOST = "unix:///var/run/docker.sock"


def config_directory(env: Mapping[str, str]) -> Path:
    """Return the directory of docker's configuration, which need not exist."""
    return Path(env.get("DOCKER_CONFIG") or Path(env.get("HOME") or "/", ".docker"))


def read_config(env: Mapping[str, str]) -> dict[str, Any]:
    """Read the user's config.json; a missing or broken file counts as empty."""
    try:
        config = json.loads(config_directory(env).joinpath("config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def auths_of_variable(env: Mapping[str, str]) -> dict[str, Any]:
    """Read the logins of DOCKER_AUTH_CONFIG, as docker and GitLab do; broken JSON has no logins.

    Source: docker/cli, cli/config/configfile.
    """
    try:
        config = json.loads(env.get("DOCKER_AUTH_CONFIG") or "{}")
    except (ValueError, RecursionError):
        log.warning("DOCKER_AUTH_CONFIG is not a JSON document, so its logins are not used")
        return {}
    auths = config.get("auths") if isinstance(config, dict) else None
    return auths if isinstance(auths, dict) else {}


def registry_logins(env: Mapping[str, str]) -> Iterator[str]:
    """Return the secrets in the user's configuration and in DOCKER_AUTH_CONFIG.

    These are logins in base64, passwords and tokens.
    """
    auths = read_config(env).get("auths")
    of_the_file = auths.values() if isinstance(auths, dict) else ()
    for entry in (*of_the_file, *auths_of_variable(env).values()):
        for key in ("auth", "password", "identitytoken", "registrytoken"):
            value = entry.get(key) if isinstance(entry, dict) else None
            if isinstance(value, str):
                yield value


def endpoint_of(env: Mapping[str, str]) -> dict[str, str]:
    """Return the engine's address, as the variables that the SDK reads."""
    named = env.get("DOCKER_CONTEXT")
    if env.get("DOCKER_HOST") and not named:
        return dict(env)
    context = named or read_config(env).get("currentContext") or "default"
    if context == "default":
        return {} if named else dict(env)
    return _context_endpoint(config_directory(env), context)


def _context_endpoint(config: Path, context: str) -> dict[str, str]:
    """Read a docker context. Source: docker/cli, cli/context/store."""
    identity = hashlib.sha256(context.encode()).hexdigest()
    meta = config / "contexts" / "meta" / identity / "meta.json"
    try:
        endpoint = json.loads(meta.read_bytes())["Endpoints"]["docker"]
        host = str(endpoint["Host"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DockerError(
            f"the docker context {context!r} cannot be read: {type(error).__name__}",
            hint="Choose another context with `docker context use`, or set DOCKER_HOST.",
        ) from error
    found = {"DOCKER_HOST": host}
    certificates = config / "contexts" / "tls" / identity / "docker"
    if certificates.is_dir():
        found["DOCKER_CERT_PATH"] = str(certificates)
        found["DOCKER_TLS_VERIFY"] = "" if endpoint.get("SkipTLSVerify") else "1"
    return found
