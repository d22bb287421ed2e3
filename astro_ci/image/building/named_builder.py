"""The buildx builder that the user chose: its name, its driver and its endpoint."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from astro_ci.errors import DockerError
from astro_ci.image.engine import shown_host
from astro_ci.text import Regex, excerpt

# A builder on a cluster answers over the network.
_ANSWER_SECONDS = 60
_FIELD = Regex(r"(Driver|Endpoint):\s+(\S+)")
_HINT = (
    "List the builders of this job with `docker buildx ls`, and create the one that you name "
    "before the deploy (`docker buildx create --name NAME`, or docker/setup-buildx-action)."
)


def without_buildx(flag: str, *, why: str = "no docker command here has it") -> DockerError:
    """Make the error for a flag that only buildx supports."""
    return DockerError(
        f"{flag} needs docker's buildx plugin, and {why}",
        hint="Install the Docker command line with its buildx plugin (packages docker-ce-cli and "
        f"docker-buildx-plugin) in the job's image, or leave out {flag}.",
    )


def chosen_builder(env: Mapping[str, str]) -> str:
    """Return the builder that `docker buildx use` or BUILDX_BUILDER chose; empty for none.

    `env` is the environment of a docker command; its configuration contains buildx's state.
    """
    if named := env.get("BUILDX_BUILDER"):
        return named
    try:
        file = Path(env.get("DOCKER_CONFIG", ""), "buildx", "current")
        current = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return ""
    return str(current.get("Name") or "") if isinstance(current, dict) else ""


def show_builder(command: str, name: str, env: Mapping[str, str]) -> str:
    """Ask buildx which driver and endpoint a builder has. Raises DockerError when it has none."""
    try:
        done = subprocess.run(
            [command, "buildx", "inspect", "--", name],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise DockerError(
            f"the builder {excerpt(name)} did not answer in {_ANSWER_SECONDS} seconds", hint=_HINT
        ) from error
    except OSError as error:
        raise DockerError(f"{command} could not be started: {error.strerror}") from error
    if done.returncode:
        said = excerpt(done.stderr.strip().removeprefix("ERROR: ") or "no reason was given")
        raise DockerError(f"the builder {excerpt(name)} cannot be used: {said}", hint=_HINT)
    found: dict[str, str] = {}
    for match in _FIELD.finditer(done.stdout):
        found.setdefault(match[1], match[2])  # the first of several nodes
    driver, endpoint = found.get("Driver", "unknown"), found.get("Endpoint", "")
    place = f" at {shown_host(endpoint.partition('?')[0])}" if endpoint else ""
    return f"{excerpt(name)} (driver {driver}{place})"
