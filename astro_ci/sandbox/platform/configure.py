"""Changes to a Deployment that are not deploys: its update, and hibernation."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import UnsetType, to_builtins

from astro_ci.sandbox.platform.bodies import (
    OverrideDeploymentHibernationBody,
    UpdateDeploymentRequest,
)
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal, invalid
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import DeploymentRecord, Override

_SETTINGS = (
    "executor",
    "schedulerSize",
    "isHighAvailability",
    "environmentVariables",
    "description",
    "contactEmails",
    "workerQueues",
    "defaultTaskPodCpu",
    "defaultTaskPodMemory",
    "resourceQuotaCpu",
    "resourceQuotaMemory",
)


def update_deployment(
    platform: Platform, deployment: DeploymentRecord, body: UpdateDeploymentRequest
) -> None:
    """Make a Deployment what the body says: all of it, absent optional fields aside.

    Turning DAG deploys off or on forgets the bundle: the next deploy has to bring DAGs again.
    """
    if body.type != "STANDARD":
        raise invalid("type", "the type of a Deployment cannot be changed")
    if body.workspace_id != platform.state.workspace_id:
        raise invalid("workspaceId", f"no Workspace {body.workspace_id} was found")
    if any(d.name == body.name and d is not deployment for d in platform.state.deployments):
        raise invalid("name", f"a Deployment named {body.name} exists already")
    override = _override_in(body)
    given = to_builtins(body)
    with platform.transaction():
        _merge_variables(deployment, given, platform.now())
        deployment.settings |= {key: given[key] for key in _SETTINGS if key in given}
        deployment.name = body.name
        deployment.is_cicd_enforced = body.is_cicd_enforced
        if not isinstance(body.is_development_mode, UnsetType):
            deployment.is_development_mode = body.is_development_mode
        if deployment.is_dag_deploy_enabled != body.is_dag_deploy_enabled:
            deployment.is_dag_deploy_enabled = body.is_dag_deploy_enabled
            deployment.live_version = deployment.desired_version = ""
        if body.scaling_spec and body.scaling_spec.hibernation_spec:
            schedules = body.scaling_spec.hibernation_spec.schedules
            if not isinstance(schedules, UnsetType):
                deployment.settings["hibernationSchedules"] = to_builtins(schedules)
        deployment.override = override or deployment.override
        deployment.updated_at = platform.now()


def override_hibernation(
    platform: Platform,
    deployment: DeploymentRecord,
    body: OverrideDeploymentHibernationBody | None,
) -> None:
    """Wake a development Deployment or put it to sleep; with no body, let its schedule decide."""
    if not deployment.is_development_mode:
        raise Refusal(400, f"Deployment {deployment.name} is not in development mode")
    override = None
    if body is not None:
        until = body.override_until
        moment = _moment("overrideUntil", until) if isinstance(until, str) else None
        override = Override(is_hibernating=body.is_hibernating, until=moment)
    with platform.transaction():
        deployment.override = override
        deployment.updated_at = platform.now()


def _override_in(body: UpdateDeploymentRequest) -> Override | None:
    spec = body.scaling_spec.hibernation_spec if body.scaling_spec else None
    if not spec or not spec.override:
        return None
    until = spec.override.override_until
    field = "scalingSpec.hibernationSpec.override.overrideUntil"
    return Override(
        is_hibernating=bool(spec.override.is_hibernating),
        until=_moment(field, until) if isinstance(until, str) else None,
    )


def _merge_variables(deployment: DeploymentRecord, given: dict[str, object], now: float) -> None:
    """Date the variables, and give a secret one without a value the one it had.

    Clients are never shown a secret value, so they cannot send it back.
    """
    old = {v["key"]: v for v in _variables(deployment.settings)}
    for variable in _variables(given):
        before = old.get(variable["key"], {})
        if variable["isSecret"] and "value" not in variable and "value" in before:
            variable["value"] = before["value"]
        is_same = before.get("value") == variable.get("value")
        kept = before.get("updatedAt") if is_same else None
        variable["updatedAt"] = kept or timestamp(now)


def _variables(settings: dict[str, object]) -> list[dict[str, object]]:
    variables = settings.get("environmentVariables", [])
    return variables if isinstance(variables, list) else []


def _moment(field: str, text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        seconds = moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
        timestamp(seconds)  # an offset may lead out of the years that there are
    except (ValueError, OverflowError, OSError) as exc:
        raise invalid(field, "not a date and time as in RFC 3339") from exc
    return seconds
