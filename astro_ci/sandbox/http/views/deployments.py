"""Deployments."""

from __future__ import annotations

from astro_ci.sandbox.http.views.json import Json, subject, without_empty
from astro_ci.sandbox.http.views.organizations import WORKSPACE_NAME
from astro_ci.sandbox.http.views.settings import scaling, settings
from astro_ci.sandbox.platform.options import airflow_version
from astro_ci.sandbox.platform.rollout import phase
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import DeploymentRecord, State


def deployment(record: DeploymentRecord, state: State, registry: str, now: float) -> Json:
    """Make a body of schema Deployment. `registry` is the image registry's host and port."""
    doing = phase(record)
    host = f"{registry}/{record.namespace}"
    return {
        "id": record.id,
        "name": record.name,
        "namespace": record.namespace,
        "organizationId": state.organization_id,
        "workspaceId": state.workspace_id,
        "workspaceName": WORKSPACE_NAME,
        "type": record.type,
        **_place(record),
        "status": doing.status,
        "statusReason": doing.reason,
        "isDagDeployEnabled": record.is_dag_deploy_enabled,
        "isCicdEnforced": record.is_cicd_enforced,
        **({} if record.type == "HYBRID" else {"isDevelopmentMode": record.is_development_mode}),
        "astroRuntimeVersion": record.runtime_version,
        "runtimeVersion": record.runtime_version,
        "airflowVersion": airflow_version(record.runtime_version),
        "imageRepository": image_repository(record, state, registry),
        "imageTag": record.image_tag,
        **without_empty(
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
        **settings(record),
        **scaling(record, now),
        "createdAt": timestamp(record.created_at),
        "updatedAt": timestamp(record.updated_at),
        "createdBy": subject(record.created_by or state.user_id, state),
        "updatedBy": subject(record.created_by or state.user_id, state),
    }


def image_repository(record: DeploymentRecord, state: State, registry: str) -> str:
    """Return the repository of a Deployment's images, with the registry's host and port."""
    return f"{registry}/{state.organization_id}/{record.id}"


def _place(record: DeploymentRecord) -> Json:
    if record.type == "STANDARD":
        return {"cloudProvider": record.cloud_provider, "region": record.region}
    return {"clusterId": record.cluster_id, "clusterName": "sandbox-cluster"}
