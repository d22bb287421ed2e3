"""Deploys."""

from __future__ import annotations

from astro_ci.sandbox.http.views.json import Json, subject, without_empty
from astro_ci.sandbox.platform.options import airflow_version
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import Bundle, DeployRecord, State


def deploy(record: DeployRecord, state: State, repository: str, upload_url: str) -> Json:
    """Make a body of schema Deploy. `upload_url` is for an unfinalized deploy; empty for none."""
    is_bundle = record.type == "BUNDLE"
    url_key = "bundleUploadUrl" if is_bundle else "dagsUploadUrl"
    return {
        "id": record.id,
        "deploymentId": record.deployment_id,
        # Schema Deploy has no type BUNDLE: such a deploy is recognized by its mount path. It
        # ships no DAGs, so it has no DAG version.
        "type": "DAG_ONLY" if is_bundle else record.type,
        "status": record.status,
        "isDagDeployEnabled": record.is_dag_deploy_enabled,
        "imageRepository": repository,
        "imageTag": record.image_tag,
        "astroRuntimeVersion": record.runtime_version,
        "airflowVersion": airflow_version(record.runtime_version),
        **without_empty(
            dagTarballVersion="" if is_bundle else record.dag_tarball_version,
            description=record.description,
            git=record.git,
            rollbackFromId=record.rollback_from_id,
            bundleMountPath=record.bundle_mount_path,
        ),
        **without_empty(**{url_key: upload_url}),
        **({"bundles": _bundles(record)} if is_bundle else {}),
        "createdAt": timestamp(record.created_at),
        "updatedAt": timestamp(record.updated_at),
        "createdBySubject": subject(record.created_by, state),
        "updatedBySubject": subject(record.created_by, state),
    }


def _bundles(record: DeployRecord) -> list[Json]:
    """List the bundles that a deploy mounts beside the DAGs, or will mount when finalized."""
    if record.status == "DEPLOYED":
        return [_bundle(bundle) for bundle in record.bundles]
    path, kind = record.bundle_mount_path, record.bundle_type
    return [_bundle(Bundle(mount_path=path, type=kind, version="", deploy_id=record.id))]


def _bundle(bundle: Bundle) -> Json:
    return {
        "bundleType": bundle.type,
        "deployId": bundle.deploy_id,
        "mountPath": bundle.mount_path,
        **without_empty(currentVersion=bundle.version, desiredVersion=bundle.version),
    }
