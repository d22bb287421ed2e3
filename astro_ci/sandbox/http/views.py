"""What the local Astro remembers, in the words of the API document.

Each function makes the JSON of the schema it names; a key without a value is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from astro_ci.sandbox.platform.options import MACHINES, SCHEDULERS, airflow_version
from astro_ci.sandbox.platform.rollout import is_hibernating, override_is_active, phase
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord, State

Json = dict[str, object]

ORGANIZATION_NAME = "Sandbox"
WORKSPACE_NAME = "Sandbox Workspace"

DEFAULT_QUEUE: Mapping[str, object] = {
    "name": "default",
    "isDefault": True,
    "astroMachine": "A5",
    "maxWorkerCount": 10,
    "minWorkerCount": 0,
    "workerConcurrency": 5,
}


def organization(state: State) -> Json:
    """Make an Organization."""
    return {
        "id": state.organization_id,
        "name": ORGANIZATION_NAME,
        "product": "HOSTED",
        "productPlans": [
            {
                "organizationId": state.organization_id,
                "astronomerProduct": "ASTRO",
                "productPlanId": state.organization_id,
                "productPlanName": "STANDARD",
            }
        ],
        "status": "ACTIVE",
        "allowEnhancedSupportAccess": False,
        "hasAllowedIpAddressRanges": False,
        "isBlockedEnableAiFeatures": False,
        "isScimEnabled": False,
        "shouldEnforceDedicatedClusters": False,
        **_made_by(state),
    }


def workspace(state: State) -> Json:
    """Make a Workspace."""
    return {
        "id": state.workspace_id,
        "name": WORKSPACE_NAME,
        "organizationId": state.organization_id,
        "organizationName": ORGANIZATION_NAME,
        "cicdEnforcedDefault": False,
        **_made_by(state),
    }


def deployment(record: DeploymentRecord, state: State, registry: str, now: float) -> Json:
    """Make a Deployment. `registry` is the host and port that images are pushed to."""
    doing = phase(record, now)
    host = f"{registry}/{record.namespace}"
    return {
        "id": record.id,
        "name": record.name,
        "namespace": record.namespace,
        "organizationId": state.organization_id,
        "workspaceId": state.workspace_id,
        "workspaceName": WORKSPACE_NAME,
        "type": "STANDARD",
        "cloudProvider": "AWS",
        "region": "us-east-1",
        "status": doing.status,
        "statusReason": doing.reason,
        "isDagDeployEnabled": record.is_dag_deploy_enabled,
        "isCicdEnforced": record.is_cicd_enforced,
        "isDevelopmentMode": record.is_development_mode,
        "astroRuntimeVersion": record.runtime_version,
        "runtimeVersion": record.runtime_version,
        "airflowVersion": airflow_version(record.runtime_version),
        "imageRepository": image_repository(record, state, registry),
        "imageTag": record.image_tag,
        **_given(
            imageVersion=record.image_tag,
            dagTarballVersion=record.live_version,
            desiredDagTarballVersion=record.desired_version,
        ),
        "apiUrl": f"http://{host}/api/v1",
        "uiUrl": f"http://{host}",
        "webServerUrl": host,
        "webServerAirflowApiUrl": f"{host}/api/v1",
        "webServerIngressHostname": host,
        "webServerCpu": "0.5",
        "webServerMemory": "1Gi",
        "webServerReplicas": 1,
        **_settings(record),
        **_scaling(record, now),
        "createdAt": timestamp(record.created_at),
        "updatedAt": timestamp(record.updated_at),
        "createdBy": _subject(state.user_id, state),
        "updatedBy": _subject(state.user_id, state),
    }


def image_repository(record: DeploymentRecord, state: State, registry: str) -> str:
    """Name the repository of a Deployment's images, with the registry's host and port."""
    return f"{registry}/{state.organization_id}/{record.id}"


def deploy(record: DeployRecord, state: State, repository: str, upload_url: str) -> Json:
    """Make a Deploy. `upload_url` is shown until the deploy is finalized; empty for none."""
    is_bundle = record.type == "BUNDLE"
    url_key = "bundleUploadUrl" if is_bundle else "dagsUploadUrl"
    return {
        "id": record.id,
        "deploymentId": record.deployment_id,
        # Schema Deploy has no BUNDLE: such a deploy shows itself by its mount path, and carries
        # no DAG version, for it brought none.
        "type": "DAG_ONLY" if is_bundle else record.type,
        "status": record.status,
        "isDagDeployEnabled": record.is_dag_deploy_enabled,
        "imageRepository": repository,
        "imageTag": record.image_tag,
        "astroRuntimeVersion": record.runtime_version,
        "airflowVersion": airflow_version(record.runtime_version),
        **_given(
            dagTarballVersion="" if is_bundle else record.dag_tarball_version,
            description=record.description,
            git=record.git,
            rollbackFromId=record.rollback_from_id,
            bundleMountPath=record.bundle_mount_path,
        ),
        **_given(**{url_key: upload_url}),
        **({"bundles": [_bundle(record)]} if is_bundle else {}),
        "createdAt": timestamp(record.created_at),
        "updatedAt": timestamp(record.updated_at),
        "createdBySubject": _subject(record.created_by, state),
        "updatedBySubject": _subject(record.created_by, state),
    }


def hibernation_override(record: DeploymentRecord, now: float) -> Json:
    """Make a DeploymentHibernationOverride."""
    override = record.override
    if override is None:
        return {"isActive": False}
    return {
        "isActive": override_is_active(record, now),
        **({} if override.is_hibernating is None else {"isHibernating": override.is_hibernating}),
        **({} if override.until is None else {"overrideUntil": timestamp(override.until)}),
    }


def _bundle(record: DeployRecord) -> Json:
    version = record.bundle_tarball_version
    return {
        "bundleType": record.bundle_type,
        "deployId": record.id,
        "mountPath": record.bundle_mount_path,
        **_given(currentVersion=version, desiredVersion=version),
    }


def _settings(record: DeploymentRecord) -> Json:
    """Show what an update set, over what a new Deployment has."""
    size = str(record.settings.get("schedulerSize", "SMALL"))
    cores = SCHEDULERS[size]
    shown: Json = {
        "executor": "CELERY",
        "schedulerSize": size,
        "schedulerCpu": f"{cores}",
        "schedulerMemory": f"{2 * cores}Gi",
        "schedulerReplicas": 2 if record.settings.get("isHighAvailability") else 1,
        "isHighAvailability": False,
        "defaultTaskPodCpu": "0.25",
        "defaultTaskPodMemory": "0.5Gi",
        "resourceQuotaCpu": "10",
        "resourceQuotaMemory": "20Gi",
        "environmentVariables": [],
        "workerQueues": [_worker_queue(record.id, DEFAULT_QUEUE)],
    }
    for key, value in record.settings.items():
        if key == "workerQueues" and isinstance(value, list):
            shown[key] = [_worker_queue(record.id, queue) for queue in value]
        elif key == "environmentVariables" and isinstance(value, list):
            shown[key] = [_environment_variable(variable) for variable in value]
        elif key != "hibernationSchedules":
            shown[key] = value
    return shown


def _worker_queue(deployment_id: str, queue: Mapping[str, object]) -> Json:
    machine = str(queue.get("astroMachine", "A5"))
    cores = MACHINES[machine]
    return {
        "id": f"{deployment_id}-{queue['name']}",
        "podEphemeralStorage": "10Gi",
        **queue,
        "astroMachine": machine,
        "podCpu": f"{cores}",
        "podMemory": f"{2 * cores}Gi",
    }


def _environment_variable(variable: Mapping[str, object]) -> Json:
    """Show a variable; the value of a secret one stays here."""
    return {k: v for k, v in variable.items() if not (k == "value" and variable["isSecret"])}


def _scaling(record: DeploymentRecord, now: float) -> Json:
    """Show hibernation, which development Deployments alone have."""
    if not record.is_development_mode:
        return {}
    spec: Json = {"schedules": record.settings.get("hibernationSchedules", [])}
    if record.override:
        spec["override"] = hibernation_override(record, now)
    return {
        "scalingSpec": {"hibernationSpec": spec},
        "scalingStatus": {"hibernationStatus": {"isHibernating": is_hibernating(record, now)}},
    }


def _subject(subject: str, state: State) -> Json:
    if subject == state.user_id:
        return {
            "id": subject,
            "subjectType": "USER",
            "fullName": "Sandbox User",
            "username": "sandbox@example.com",
        }
    name = "sandbox" if subject == state.api_token_id else "deployment-api-key"
    return {"id": subject, "subjectType": "SERVICEKEY", "apiTokenName": name}


def _made_by(state: State) -> Json:
    made = timestamp(state.created_at)
    user = _subject(state.user_id, state)
    return {"createdAt": made, "updatedAt": made, "createdBy": user, "updatedBy": user}


def _given(**values: object) -> Json:
    return {key: value for key, value in values.items() if value}
