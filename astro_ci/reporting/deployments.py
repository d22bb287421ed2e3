"""Deployments and their running versions, as text and as JSON documents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astro_ci.errors import ConfigurationError
from astro_ci.model import Part
from astro_ci.planning.running import Overview
from astro_ci.reporting.documents import SCHEMA
from astro_ci.reporting.table import facts_table, table
from astro_ci.text import excerpt, listed, short

_HEADINGS = ("NAME", "ID", "STATUS", "DAG-ONLY", "IMAGE", "COMMIT", "BUNDLE")
_LABELS = {
    "name": "Deployment",
    "id": "Id",
    "workspace_id": "Workspace",
    "type": "Type",
    "status": "Status",
    "dag_deploy_enabled": "DAG-only deploys",
    "cicd_enforced": "CI/CD enforcement",
    "runtime_version": "Runtime",
    "image_tag": "Image tag",
    "image_commit": "Image commit",
    "bundle_version": "Bundle version",
    "dags_commit": "DAGs commit",
    "url": "Page",
    "airflow_url": "Airflow",
}


def overview_document(overview: Overview) -> dict[str, Any]:
    """Return the document of `deployment inspect --json`; an empty text means unknown."""
    one = overview.deployment
    image, dags = (overview.deploys.get(part) for part in (Part.IMAGE, Part.DAGS))
    return {
        "schema": SCHEMA,
        "id": one.id,
        "name": one.name,
        "workspace_id": one.workspace_id,
        "organization_id": one.organization_id,
        "type": one.type,
        "status": one.status,
        "status_reason": one.status_reason,
        "dag_deploy_enabled": one.is_dag_deploy_enabled,
        "cicd_enforced": one.is_cicd_enforced,
        "runtime_version": one.astro_runtime_version,
        "image_repository": one.image_repository,
        "image_tag": one.image_tag,
        "image_commit": image.git.commit_sha if image and image.git else "",
        "image_deploy_id": image.id if image else "",
        "bundle_version": one.dag_tarball_version,
        "desired_bundle_version": one.desired_dag_tarball_version,
        "dags_commit": dags.git.commit_sha if dags and dags.git else "",
        "dags_deploy_id": dags.id if dags else "",
        "url": overview.url,
        "airflow_url": one.web_server_url,
    }


def overviews_document(overviews: Sequence[Overview]) -> dict[str, Any]:
    """The document of `deployment list --json`."""
    found = [overview_document(one) for one in overviews]
    return {
        "schema": SCHEMA,
        "deployments": [{k: v for k, v in one.items() if k != "schema"} for one in found],
    }


def overview_value(overview: Overview, key: str) -> str:
    """Return a value of the document for a script. Raises ConfigurationError."""
    document = overview_document(overview)
    if key not in document:
        raise ConfigurationError(
            f"--key {excerpt(key)} is not a key of a Deployment",
            hint=f"Use one of: {listed(list(document), most=len(document))}.",
        )
    value = document[key]
    return str(value).lower() if isinstance(value, bool) else str(value)


def overview_text(overview: Overview, *, columns: int | None) -> str:
    """Return the facts about a Deployment; `columns` is the terminal's width."""
    document = {**overview_document(overview)}
    for key in ("dag_deploy_enabled", "cicd_enforced"):
        document[key] = _enabled(document[key])
    if reason := document["status_reason"]:
        document["status"] = f"{document['status']} ({reason})"
    rows = [(f"{label}:", str(document[key] or "-")) for key, label in _LABELS.items()]
    return facts_table(rows, columns=columns)


def overviews_text(overviews: Sequence[Overview], *, columns: int | None) -> str:
    """Return the list of all Deployments as text; `columns` is the terminal's width."""
    if not overviews:
        return "The credentials can see no Deployment."
    return table(_HEADINGS, [_row(one) for one in overviews], columns=columns)


def numbered_text(overviews: Sequence[Overview], *, columns: int | None) -> str:
    """Number the Deployments, for the user to pick one."""
    rows = []
    for number, overview in enumerate(overviews, 1):
        name, identity, status, dag_only, tag, commit, _ = _row(overview)
        runs = f"image {tag}" if commit == "-" != tag else commit
        rows.append((f"{number}.", name, identity, status, dag_only, runs))
    return table(("", *_HEADINGS[:4], "RUNS"), rows, columns=columns)


def _row(overview: Overview) -> tuple[str, ...]:
    document = overview_document(overview)
    commits = {part: short(document[f"{part}_commit"]) or "-" for part in Part}
    image, dags = commits[Part.IMAGE], commits[Part.DAGS]
    return (
        document["name"],
        document["id"],
        document["status"],
        _enabled(document["dag_deploy_enabled"]),
        document["image_tag"] or "-",
        image if image == dags else f"image {image}, DAGs {dags}",
        document["bundle_version"] or "-",
    )


def _enabled(value: object) -> str:
    return "enabled" if value else "disabled"
