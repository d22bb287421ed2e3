"""Serve a local Astro, and print the variables that a pipeline needs to use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from astro_ci.sandbox.sandbox import Sandbox

NEWS_SECONDS = 0.2


def serve(
    *,
    data: Path | None,
    port: int,
    rollout_seconds: float,
    as_json: bool,
    emit: Callable[[str], None],
    tell: Callable[[str], None],
) -> None:
    """Serve until stopped; `emit` gets the text when the server answers requests.

    `tell` gets a line for each step of each deploy that arrives. Raises ConfigurationError when
    the port is taken or the directory cannot be used.
    """
    astro = Sandbox(data=data, port=port, rollout_seconds=rollout_seconds).start()
    try:
        emit(json.dumps(astro.info()) if as_json else _exports(astro.info()))
        while not astro.wait(NEWS_SECONDS):
            for line in astro.news():
                tell(line)
    finally:
        astro.stop()


def _exports(info: dict[str, object]) -> str:
    """Return lines for a shell that set the variables, and name the Deployments."""
    found = info["deployments"]
    deployments = found if isinstance(found, list) else []
    lines = [
        f"# A local Astro is running: look at it on {info['api_url']}",
        "# In another terminal, in an Astro project:",
        f"export ASTRO_API_URL={info['api_url']}",
        f"export ASTRO_API_TOKEN={info['token']}",
    ]
    for index, deployment in enumerate(deployments):
        enabled = "enabled" if deployment["dag_deploy_enabled"] else "disabled"
        comment = "# " if index else ""
        lines.append(
            f"{comment}export ASTRO_DEPLOYMENT_ID={deployment['id']}  "
            f"# {deployment['name']}, DAG-only deploys {enabled}"
        )
    lines += [
        "# or, with a Deployment API key instead of the token:",
        f"# export ASTRONOMER_KEY_ID={info['key_id']} ASTRONOMER_KEY_SECRET={info['key_secret']}",
        "# Then deploy: astro-ci deploy",
    ]
    return "\n".join(lines)
