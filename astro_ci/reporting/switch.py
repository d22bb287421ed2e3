"""The texts about switching DAG-only deploys: meaning, result, next command. Pure."""

from __future__ import annotations

from typing import Any

from astro_ci.model import Deployment, DeployResult
from astro_ci.reporting.documents import SCHEMA, result_document
from astro_ci.reporting.text import result_text
from astro_ci.text import printable


def meaning_text(deployment: Deployment, *, enable: bool) -> str:
    """Describe the effect of the switch on the DAGs, before the switch."""
    name = printable(deployment.name)
    if enable:
        return (
            f"Enabling DAG-only deploys: {name} then takes its DAGs from a DAG bundle, and has "
            "none yet. Nothing new is scheduled until the image and the DAGs are deployed."
        )
    return (
        f"Disabling DAG-only deploys: {name} then takes its DAGs from its image. Every DAG is gone "
        "until an image with the DAGs is deployed."
    )


def next_command(deployment: Deployment) -> str:
    """Return the command of the deploy that must follow."""
    return f"astro-ci deploy --deployment-id {deployment.id} --type image-and-dags"


def already_reason(deployment: Deployment, *, enable: bool) -> str:
    """Return the reason why nothing was done."""
    return f"DAG-only deploys of {printable(deployment.name)} are {_state(enable)} already"


def switched_text(deployment: Deployment, *, enable: bool) -> str:
    """Describe the new setting."""
    return f"DAG-only deploys of {printable(deployment.name)} are {_state(enable)} now"


def switch_document(
    deployment: Deployment, *, enable: bool, reason: str = "", result: DeployResult | None = None
) -> dict[str, Any]:
    """The document of `deployment update --json`; `reason` says why nothing was done."""
    is_open = not reason and result is None
    return {
        "schema": SCHEMA,
        "outcome": "skipped" if reason else "updated",
        "reason": reason,
        "deployment": {
            "id": deployment.id,
            "name": deployment.name,
            "dag_deploy_enabled": enable,
        },
        "next": next_command(deployment) if is_open else "",
        "deploy": result_document(result) if result else None,
    }


def switch_text(
    deployment: Deployment, *, enable: bool, reason: str = "", result: DeployResult | None = None
) -> str:
    """Return the closing lines."""
    if reason:
        return f"skipped: {reason}"
    lines = [f"updated: {switched_text(deployment, enable=enable)}"]
    if result:
        return "\n".join([*lines, result_text(result)])
    lack = "nothing new is scheduled" if enable else "the Deployment has no DAGs"
    closing = f"Until the next deploy, {lack}. Run:"
    return "\n".join([*lines, closing, f"  {next_command(deployment)}"])


def _state(enable: bool) -> str:
    return "enabled" if enable else "disabled"
