"""List Deployments with what they run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from astro_ci.deployments.find import Astro
from astro_ci.model import Deployment
from astro_ci.planning.running import Overview, running_deploys

_HISTORIES_AT_ONCE = 8


def list_overviews(astro: Astro, workspace_id: str | None) -> Sequence[Overview]:
    """Read every visible Deployment, by name, and its history as needed. Raises ApiError."""
    workspaces = [workspace_id] if workspace_id else []
    found = sorted(
        astro.client.list_deployments(workspace_ids=workspaces), key=lambda one: (one.name, one.id)
    )
    with ThreadPoolExecutor(_HISTORIES_AT_ONCE) as pool:
        return list(pool.map(lambda one: overview(astro, one), found))


def overview(astro: Astro, deployment: Deployment) -> Overview:
    """Read the history of a Deployment until the running parts are found. Raises ApiError."""
    has_code = deployment.image_tag or deployment.running_bundle_version
    history = astro.client.list_deploys(deployment.id) if has_code else ()
    return Overview(
        deployment=deployment,
        deploys=running_deploys(deployment, history),
        url=astro.deployment_url(deployment),
    )
