"""The deploy history, row by row, with what is live now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from astro_ci.model import Deploy, Deployment, Part
from astro_ci.planning.running import put_image


class Row(Struct, frozen=True, kw_only=True):
    """A deploy, and the parts of it that are live now."""

    deploy: Deploy
    live: tuple[Part, ...]


def read_history(deployment: Deployment, deploys: Iterable[Deploy]) -> Iterator[Row]:
    """Give the deploys, newest first, each as soon as it was read.

    The newest deploy that brought a part owns it, so a rollback owns the parts that it restored.
    Nothing of a hibernating Deployment is live.
    """
    pending = live_parts(deployment)
    for deploy in deploys:
        live = tuple(part for part in Part if part in pending and _has(deploy, deployment, part))
        pending -= set(live)
        yield Row(deploy=deploy, live=live)


def live_parts(deployment: Deployment) -> frozenset[Part]:
    """The parts that are live, whichever deploys brought them."""
    if deployment.status == "HIBERNATING":
        return frozenset()
    has_dags = deployment.dag_tarball_version or not deployment.is_dag_deploy_enabled
    has = {Part.IMAGE: bool(deployment.image_tag), Part.DAGS: bool(has_dags)}
    return frozenset(part for part, is_there in has.items() if is_there)


def _has(deploy: Deploy, deployment: Deployment, part: Part) -> bool:
    if part is Part.IMAGE or not deployment.is_dag_deploy_enabled:
        return put_image(deploy, deployment)  # which holds the DAGs without DAG-only deploys
    return (
        deploy.status == "DEPLOYED"
        and deploy.type in ("IMAGE_AND_DAG", "DAG_ONLY")
        and deploy.dag_tarball_version == deployment.dag_tarball_version
    )
