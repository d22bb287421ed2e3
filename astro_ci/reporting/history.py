"""The deploy history, as text and as a JSON document. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astro_ci.model import Deploy, Deployment, Part
from astro_ci.planning.history import Row, live_parts
from astro_ci.planning.marker import without_marker
from astro_ci.remote import commit_url
from astro_ci.reporting.documents import SCHEMA
from astro_ci.reporting.table import table
from astro_ci.text import api_moment_text, printable, shorten

_HEADINGS = ("WHEN", "TYPE", "STATUS", "LIVE", "COMMIT", "BY", "DESCRIPTION", "LINK", "ID")
_TYPES = {"IMAGE_AND_DAG": "image and DAGs", "IMAGE_ONLY": "image", "DAG_ONLY": "DAGs"}
_PARTS = {Part.IMAGE: "image", Part.DAGS: "DAGs"}
_DESCRIPTION_CHARACTERS = 60


def history_document(deployment: Deployment, rows: Sequence[Row], *, more: bool) -> dict[str, Any]:
    """Return the document of `deployment history --json`; `more` means older deploys exist."""
    return {
        "schema": SCHEMA,
        "deployment": {
            "id": deployment.id,
            "name": deployment.name,
            "status": deployment.status,
        },
        "deploys": [_row_document(row) for row in rows],
        "more": more,
    }


def history_text(
    deployment: Deployment, rows: Sequence[Row], *, more: bool, columns: int | None
) -> str:
    """Return the history as text; `columns` is the terminal's width."""
    if not rows:
        return f"Nothing has been deployed to {printable(deployment.name)} yet."
    shown = table(_HEADINGS, [_cells(row) for row in rows], columns=columns)
    return "\n".join([shown, *_notes(deployment, rows, more=more)])


def _row_document(row: Row) -> dict[str, Any]:
    deploy = row.deploy
    return {
        "id": deploy.id,
        "created_at": deploy.created_at,
        "type": deploy.type,
        "status": deploy.status,
        "live": [part.value for part in row.live],
        "commit": deploy.git.commit_sha if deploy.git else "",
        "commit_url": _link(deploy),
        "branch": deploy.git.branch if deploy.git else "",
        "by": _by(deploy),
        "description": without_marker(deploy.description),
        "image_tag": deploy.image_tag,
        "bundle_version": deploy.dag_tarball_version,
        "bundle_mount_path": deploy.bundle_mount_path,
        "rollback_from": deploy.rollback_from_id,
    }


def _cells(row: Row) -> Sequence[str]:
    deploy = row.deploy
    return (
        api_moment_text(deploy.created_at),
        _type(deploy),
        deploy.status,
        " and ".join(_PARTS[part] for part in row.live) or "-",
        deploy.git.commit_sha[:7] if deploy.git else "-",
        _by(deploy) or "-",
        shorten(without_marker(deploy.description), _DESCRIPTION_CHARACTERS) or "-",
        _link(deploy) or "-",
        deploy.id,
    )


def _notes(deployment: Deployment, rows: Sequence[Row], *, more: bool) -> list[str]:
    notes = []
    if deployment.status == "HIBERNATING":
        notes.append("The Deployment hibernates: nothing is live until it wakes up.")
    hidden = live_parts(deployment) - {part for row in rows for part in row.live}
    if more and hidden:
        names = " and ".join(_PARTS[part] for part in Part if part in hidden)
        notes.append(f"What is live of {names} came with an older deploy; show more with --limit.")
    elif more:
        notes.append("There are older deploys; show more with --limit.")
    return ["", *notes] if notes else []


def _type(deploy: Deploy) -> str:
    if deploy.rollback_from_id:
        return f"rollback to {deploy.rollback_from_id}"
    if deploy.bundle_mount_path:
        return f"bundle {deploy.bundle_mount_path}"
    return _TYPES.get(deploy.type, deploy.type)


def _by(deploy: Deploy) -> str:
    return deploy.created_by_subject.name if deploy.created_by_subject else ""


def _link(deploy: Deploy) -> str:
    """Return the commit's page: the deploy's own URL if it is a link, else the git host's URL."""
    git = deploy.git
    if git is None:
        return ""
    if git.commit_url.startswith(("https://", "http://")):
        return git.commit_url
    url = git.remote_url
    if git.provider == "GITHUB":
        url = f"https://github.com/{git.account}/{git.repo}"
    return commit_url(url, git.commit_sha) if url else ""
