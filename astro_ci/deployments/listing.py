"""List Deployments with their running deploys."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from astro_ci.deployments.find import Astro
from astro_ci.model import Deployment
from astro_ci.planning.running import Overview, running_deploys

_HISTORIES_AT_ONCE = 8


def list_overviews(astro: Astro, workspace_id: str | None) -> Sequence[Overview]:
    """Read all visible Deployments, sorted by name, with their deploys. Raises ApiError."""
    workspaces = [workspace_id] if workspace_id else []
    found = sorted(
        astro.client.list_deployments(workspace_ids=workspaces), key=lambda one: (one.name, one.id)
    )
    with ThreadPoolExecutor(_HISTORIES_AT_ONCE) as pool:
        return list(pool.map(lambda one: overview(astro, one), found))


def overview(astro: Astro, deployment: Deployment) -> Overview:
    """Read the deploy history until the running deploy of each part is found. Raises ApiError."""
    has_code = deployment.image_tag or deployment.running_bundle_version
    history = astro.client.list_deploys(deployment.id) if has_code else ()
    return Overview(
        deployment=deployment,
        deploys=running_deploys(deployment, history),
        url=astro.deployment_url(deployment),
    )
