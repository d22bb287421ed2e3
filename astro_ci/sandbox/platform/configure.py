"""Change a Deployment in other ways than by a deploy: create, update, delete, hibernate."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from msgspec import UNSET, UnsetType, to_builtins

from astro_ci.sandbox.platform.bodies import OverrideDeploymentHibernationBody
from astro_ci.sandbox.platform.deployment_bodies import (
    CreateDeploymentRequest,
    CreateHostedRequest,
    UpdateDeploymentRequest,
    UpdateHostedRequest,
)
from astro_ci.sandbox.platform.hibernation import set_override
from astro_ci.sandbox.platform.options import NEWEST_RUNTIME, is_listed
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal, invalid
from astro_ci.sandbox.platform.settings import make_settings
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.ids import new_id, new_namespace, timestamp
from astro_ci.sandbox.store.state import DeploymentRecord, Override


def create_deployment(
    platform: Platform, identity: Identity, body: CreateDeploymentRequest
) -> DeploymentRecord:
    """Create a Deployment. It exists at once, with status CREATING for the time of a rollout."""
    _refuse_deployment_tokens(identity, "create a Deployment")
    runtime = body.astro_runtime_version or NEWEST_RUNTIME
    if not is_listed(runtime):
        raise invalid(
            "astroRuntimeVersion", f"{runtime} is not a version that a new Deployment can have"
        )
    with platform.transaction():
        _check_name(platform, None, body)
        now = platform.now()
        deployment = DeploymentRecord(
            id=new_id(),
            name=body.name,
            namespace=new_namespace(),
            created_at=now,
            updated_at=now,
            created_by=identity.subject,
            creation_started_at=now,
            type=body.type,
            is_dag_deploy_enabled=body.is_dag_deploy_enabled,
            is_cicd_enforced=body.is_cicd_enforced,
            runtime_version=runtime,
            settings=make_settings(to_builtins(body), {}, now),
        )
        _place(deployment, body)
        if isinstance(body, CreateHostedRequest):
            deployment.is_development_mode = body.is_development_mode or False
            set_override(deployment, _override_in(body), now)
        platform.state.deployments.append(deployment)
        return deployment


def update_deployment(
    platform: Platform, deployment: DeploymentRecord, body: UpdateDeploymentRequest
) -> None:
    """Give a Deployment all settings of the body.

    Turning DAG deploys off or on removes the bundle: the next deploy has to ship the DAGs again.
    """
    if body.type != deployment.type:
        raise invalid("type", "the type of a Deployment cannot be changed")
    with platform.transaction():
        _check_name(platform, deployment, body)
        now = platform.now()
        override = _override_in(body) if isinstance(body, UpdateHostedRequest) else None
        development = getattr(body, "is_development_mode", UNSET)
        if development is True and not deployment.is_development_mode:
            raise invalid("isDevelopmentMode", "can only be chosen for a new Deployment")
        deployment.settings = make_settings(to_builtins(body), deployment.settings, now)
        set_override(deployment, override, now)
        platform.settle(deployment)
        deployment.name = body.name
        deployment.is_cicd_enforced = body.is_cicd_enforced
        if development is False:
            deployment.is_development_mode = False
        if deployment.is_dag_deploy_enabled != body.is_dag_deploy_enabled:
            deployment.is_dag_deploy_enabled = body.is_dag_deploy_enabled
            deployment.live_version = deployment.desired_version = ""
        deployment.updated_at = now


def delete_deployment(platform: Platform, identity: Identity, deployment: DeploymentRecord) -> None:
    """Delete a Deployment, its deploys, its images and its bundles."""
    _refuse_deployment_tokens(identity, "delete a Deployment")
    with platform.transaction():
        state = platform.state
        blobs = [platform.bundle_blob(deployment, path) for path in deployment.bundles]
        state.deployments = [one for one in state.deployments if one is not deployment]
        state.deploys = [one for one in state.deploys if one.deployment_id != deployment.id]
    platform.registry.remove(platform.repository(deployment))
    for blob in (platform.dags_blob(deployment), *blobs):
        platform.blobs.remove(blob)


def override_hibernation(
    platform: Platform,
    deployment: DeploymentRecord,
    body: OverrideDeploymentHibernationBody | None,
) -> None:
    """Wake or hibernate a development Deployment; without a body, return it to its schedule."""
    if not deployment.is_development_mode:
        raise Refusal(400, f"Deployment {deployment.name} is not in development mode")
    override = None
    if body is not None:
        until = body.override_until
        moment = _moment("overrideUntil", until) if isinstance(until, str) else None
        override = Override(is_hibernating=body.is_hibernating, until=moment)
    with platform.transaction():
        now = platform.now()
        set_override(deployment, override, now)
        platform.settle(deployment)
        deployment.updated_at = now


def _check_name(
    platform: Platform,
    deployment: DeploymentRecord | None,
    body: CreateDeploymentRequest | UpdateDeploymentRequest,
) -> None:
    if body.workspace_id != platform.state.workspace_id:
        raise invalid("workspaceId", f"no Workspace {body.workspace_id} was found")
    if not body.name.strip():
        raise invalid("name", "must not be empty", "required")
    if any(d.name == body.name and d is not deployment for d in platform.state.deployments):
        raise invalid("name", f"a Deployment named {body.name} already exists")


def _place(deployment: DeploymentRecord, body: CreateDeploymentRequest) -> None:
    """Find the place of a new Deployment: its cluster if named, else a provider's region."""
    if deployment.type != "STANDARD":
        deployment.cluster_id = body.cluster_id or f"cl{uuid4().hex[:23]}"
        return
    if not isinstance(body, CreateHostedRequest) or body.cluster_id:
        return
    if bool(body.cloud_provider) != bool(body.region):
        missing = "region" if body.cloud_provider else "cloudProvider"
        raise invalid(missing, "cloudProvider and region must be given together", "required")
    deployment.cloud_provider = body.cloud_provider or deployment.cloud_provider
    deployment.region = body.region or deployment.region


def _refuse_deployment_tokens(identity: Identity, what: str) -> None:
    if identity.deployment_id is not None:
        raise Refusal(403, f"A token of one Deployment may not {what}")


def _override_in(body: CreateHostedRequest | UpdateHostedRequest) -> Override | None:
    spec = body.scaling_spec.hibernation_spec if body.scaling_spec else None
    if not spec or not spec.override:
        return None
    until = spec.override.override_until
    field = "scalingSpec.hibernationSpec.override.overrideUntil"
    return Override(
        is_hibernating=bool(spec.override.is_hibernating),
        until=None if isinstance(until, UnsetType) else _moment(field, until),
    )


def _moment(field: str, text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        timestamp(seconds)  # the UTC year may be out of range
    except (ValueError, OverflowError, OSError) as exc:
        raise invalid(field, "not a date and time as in RFC 3339") from exc
    return seconds
