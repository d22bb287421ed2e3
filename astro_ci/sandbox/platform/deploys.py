"""Create, finalize, roll back and describe deploys.

Each function is one transaction.
"""

from __future__ import annotations

from msgspec import UnsetType, to_builtins

from astro_ci.sandbox.platform.bodies import CreateDeployRequest, FinalizeDeployRequest
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.platform.refusal import Refusal, invalid
from astro_ci.sandbox.platform.rollout import start_rollout
from astro_ci.sandbox.platform.tokens import Identity
from astro_ci.sandbox.store.ids import new_id, new_image_tag
from astro_ci.sandbox.store.state import Bundle, DeploymentRecord, DeployRecord

RUNTIME_LABEL = "io.astronomer.docker.runtime.version"


def create_deploy(
    platform: Platform, identity: Identity, deployment: DeploymentRecord, body: CreateDeployRequest
) -> DeployRecord:
    """Create a deploy and choose the image tag to push; nothing new runs yet."""
    body.check()
    with platform.transaction():
        _refuse_people(identity, deployment)
        # A DAG_ONLY deploy is taken all the same, without an upload URL: its client sees what
        # is missing, and says it in its own words. It cannot be finalized.
        if body.type == "BUNDLE" and not deployment.is_dag_deploy_enabled:
            raise invalid("type", f"DAG deploys are not enabled for {deployment.name}")
        deploy = _new_deploy(platform, identity, deployment)
        deploy.type = body.type
        deploy.description = body.description or ""
        deploy.git = to_builtins(body.git) if body.git else None
        deploy.bundle_mount_path = body.bundle_mount_path or ""
        deploy.bundle_type = body.bundle_type or ""
        if has_image(deploy):
            deploy.image_tag = new_image_tag(platform.now())
        platform.state.deploys.append(deploy)
        return deploy


def finalize_deploy(
    platform: Platform,
    identity: Identity,
    deployment: DeploymentRecord,
    deploy: DeployRecord,
    body: FinalizeDeployRequest,
) -> DeployRecord:
    """Accept the pushed image and the uploaded bundle, and start the rollout."""
    with platform.transaction():
        _refuse_people(identity, deployment)
        if deploy.status != "INITIALIZED":
            raise Refusal(400, f"Deploy {deploy.id} has already been finalized")
        brought, desired = _dag_versions(platform, deployment, deploy, body.dag_tarball_version)
        bundle = _bundle_version(platform, deployment, deploy, body.bundle_tarball_version)
        labels = _pushed_labels(platform, deployment, deploy)
        deploy.updated_at = platform.now()
        if deployment.next_deploy_fails:
            deployment.next_deploy_fails = False
            deploy.status = "FAILED"
            return deploy
        deploy.status = "DEPLOYED"
        deploy.image_tag = deploy.image_tag if has_image(deploy) else deployment.image_tag
        deploy.dag_tarball_version = brought
        deploy.bundle_tarball_version = bundle
        _mount(deployment, deploy)
        deploy.runtime_version = labels.get(RUNTIME_LABEL) or deployment.runtime_version
        deploy.is_dag_deploy_enabled = deployment.is_dag_deploy_enabled
        _run(platform, deployment, deploy, desired)
        return deploy


def rollback(
    platform: Platform,
    identity: Identity,
    deployment: DeploymentRecord,
    target: DeployRecord,
    description: str,
) -> DeployRecord:
    """Go back to an earlier deploy: to its image, its DAGs, and its DAG deploy setting."""
    with platform.transaction():
        _refuse_people(identity, deployment)
        if target.status != "DEPLOYED":
            raise Refusal(400, f"Deploy {target.id} was never deployed")
        deploy = _new_deploy(platform, identity, deployment)
        deploy.status = "DEPLOYED"
        deploy.rollback_from_id = target.id
        deploy.description = description
        deploy.image_tag = target.image_tag
        deploy.dag_tarball_version = target.dag_tarball_version
        deploy.runtime_version = target.runtime_version
        deploy.is_dag_deploy_enabled = target.is_dag_deploy_enabled
        deployment.is_dag_deploy_enabled = target.is_dag_deploy_enabled
        platform.state.deploys.append(deploy)
        ran = target.desired_version
        desired = target.dag_tarball_version if ran is None else ran
        _run(platform, deployment, deploy, desired)
        return deploy


def describe_deploy(
    platform: Platform, deploy: DeployRecord, description: str | None
) -> DeployRecord:
    """Change the description of a deploy; None leaves the description unchanged."""
    with platform.transaction():
        if description is not None:
            deploy.description = description
        deploy.updated_at = platform.now()
        return deploy


def _new_deploy(
    platform: Platform, identity: Identity, deployment: DeploymentRecord
) -> DeployRecord:
    now = platform.now()
    return DeployRecord(
        id=new_id(),
        deployment_id=deployment.id,
        type="IMAGE_AND_DAG",
        created_at=now,
        updated_at=now,
        created_by=identity.subject,
        is_dag_deploy_enabled=deployment.is_dag_deploy_enabled,
        image_tag=deployment.image_tag,
        runtime_version=deployment.runtime_version,
    )


def _run(
    platform: Platform, deployment: DeploymentRecord, deploy: DeployRecord, desired: str
) -> None:
    """Make the image and the bundles of a deploy the desired state of its Deployment."""
    now = platform.now()
    platform.settle(deployment)
    deployment.image_tag = deploy.image_tag
    deployment.runtime_version = deploy.runtime_version
    deploy.desired_version = deployment.desired_version = desired
    deployment.updated_at = now
    start_rollout(deployment, now)


def _dag_versions(
    platform: Platform, deployment: DeploymentRecord, deploy: DeployRecord, given: str | UnsetType
) -> tuple[str, str]:
    """Return the bundle version that a deploy shows, and the version that runs after it.

    Raises Refusal 400.
    """
    if not deployment.is_dag_deploy_enabled:
        if given or deploy.type == "DAG_ONLY":
            raise invalid("dagTarballVersion", f"DAG deploys are not enabled for {deployment.name}")
        return "", ""
    if not has_dags(deploy):
        # The Astro CLI sends an empty or the running version here; neither changes anything.
        return deployment.desired_version, deployment.desired_version
    if given == "" and deploy.type == "IMAGE_AND_DAG":
        # The Astro CLI sends this for a project without DAGs: the running DAGs stay.
        return "", deployment.desired_version
    if not given:
        raise invalid(
            "dagTarballVersion",
            f"required for {deploy.type} with DAG deploys enabled",
            "required",
        )
    if not platform.blobs.has_version(platform.dags_blob(deployment), given):
        raise invalid("dagTarballVersion", "no such version was uploaded for this Deployment")
    return given, given


def _bundle_version(
    platform: Platform, deployment: DeploymentRecord, deploy: DeployRecord, given: str | UnsetType
) -> str:
    """Check the version of a bundle beside the DAGs; an empty version removes the bundle."""
    if deploy.type != "BUNDLE" or given == "":
        return ""
    if not given:
        raise invalid("bundleTarballVersion", "required for a BUNDLE deploy", "required")
    if not platform.blobs.has_version(
        platform.bundle_blob(deployment, deploy.bundle_mount_path), given
    ):
        raise invalid("bundleTarballVersion", "no such version was uploaded for this bundle")
    return given


def _pushed_labels(
    platform: Platform, deployment: DeploymentRecord, deploy: DeployRecord
) -> dict[str, str]:
    """Read the labels of the image that a deploy pushed. Raises Refusal 400 without an image."""
    if not has_image(deploy):
        return {}
    labels = platform.registry.labels(platform.repository(deployment), deploy.image_tag)
    if labels is None:
        raise Refusal(400, f"No image was pushed with the tag {deploy.image_tag}")
    if platform.registry.manifest(platform.repository(deployment), deploy.image_tag).is_index:
        raise Refusal(
            400,
            f"The tag {deploy.image_tag} names an index, and a deploy needs the manifest of one "
            "image: build with --platform=linux/amd64 --provenance=false --sbom=false",
        )
    return labels


def has_image(deploy: DeployRecord) -> bool:
    """Whether a deploy ships an image."""
    return deploy.type in ("IMAGE_AND_DAG", "IMAGE_ONLY")


def has_dags(deploy: DeployRecord) -> bool:
    """Whether a deploy ships DAGs."""
    return deploy.type in ("IMAGE_AND_DAG", "DAG_ONLY")


def _mount(deployment: DeploymentRecord, deploy: DeployRecord) -> None:
    """Mount the bundle of a BUNDLE deploy, or remove the bundle at its mount path."""
    path = deploy.bundle_mount_path
    if deploy.type == "BUNDLE" and deploy.bundle_tarball_version:
        deployment.bundles[path] = Bundle(
            mount_path=path,
            type=deploy.bundle_type,
            version=deploy.bundle_tarball_version,
            deploy_id=deploy.id,
        )
    elif deploy.type == "BUNDLE":
        deployment.bundles.pop(path, None)
    deploy.bundles = [bundle for _, bundle in sorted(deployment.bundles.items())]


def _refuse_people(identity: Identity, deployment: DeploymentRecord) -> None:
    if deployment.is_cicd_enforced and identity.is_session:
        raise Refusal(
            403,
            f"CI/CD enforcement is enabled for Deployment {deployment.name}: deploy with an API "
            "token or a Deployment API key",
        )
