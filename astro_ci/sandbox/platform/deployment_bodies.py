"""The request bodies that create and update Deployments, by the type of the Deployment.

Source: the schemas Create... and Update... of the API document.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from astro_ci.sandbox.platform.reading import read_body
from astro_ci.sandbox.platform.refusal import invalid
from astro_ci.sandbox.store.state import DeploymentType

Text = str | UnsetType
Flag = bool | UnsetType
Executor = Literal["CELERY", "KUBERNETES", "ASTRO"]
HybridExecutor = Literal["CELERY", "KUBERNETES"]
SchedulerSize = Literal["SMALL", "MEDIUM", "LARGE", "EXTRA_LARGE"]
Machine = Literal["A5", "A10", "A20", "A40", "A60", "A120", "A160"]


class EnvironmentVariable(Struct, kw_only=True, rename="camel"):
    """An environment variable of a Deployment."""

    is_secret: bool
    key: str
    value: Text = UNSET


class UpdateWorkerQueue(Struct, kw_only=True, rename="camel"):
    """A worker queue of a Deployment."""

    name: Annotated[str, Meta(max_length=63)]
    is_default: bool
    max_worker_count: Annotated[int, Meta(ge=1)]
    min_worker_count: Annotated[int, Meta(ge=0)]
    worker_concurrency: Annotated[int, Meta(ge=1)]
    astro_machine: Machine | UnsetType = UNSET
    id: Text = UNSET
    node_pool_id: Text = UNSET
    pod_ephemeral_storage: Text = UNSET


class CreateWorkerQueue(UpdateWorkerQueue, kw_only=True, rename="camel"):
    """A worker queue of a new hosted Deployment."""

    astro_machine: Machine


class CreateHybridWorkerQueue(UpdateWorkerQueue, kw_only=True, rename="camel"):
    """A worker queue of a new hybrid Deployment."""

    node_pool_id: str


class HibernationSchedule(Struct, kw_only=True, rename="camel"):
    """When a development Deployment hibernates; the sandbox stores this, and never acts on it."""

    hibernate_at_cron: str
    wake_at_cron: str
    is_enabled: bool
    description: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class HibernationOverride(Struct, kw_only=True, rename="camel"):
    """A hibernation override in a request about a whole Deployment."""

    is_hibernating: Flag = UNSET
    override_until: Text = UNSET


class HibernationSpec(Struct, kw_only=True):
    """The hibernation schedules and the override of a Deployment."""

    override: HibernationOverride | UnsetType = UNSET
    schedules: Annotated[list[HibernationSchedule], Meta(max_length=10)] | UnsetType = UNSET


class ScalingSpec(Struct, kw_only=True, rename="camel"):
    """The hibernation settings of a Deployment."""

    hibernation_spec: HibernationSpec | UnsetType = UNSET


class RemoteExecution(Struct, kw_only=True, rename="camel"):
    """The remote execution settings of a Deployment."""

    enabled: bool
    allowed_ip_address_ranges: list[str] | UnsetType = UNSET
    task_log_bucket: Text = UNSET
    task_log_url_pattern: Text = UNSET


class CreateScheduler(Struct, kw_only=True):
    """The scheduler of a new hybrid Deployment."""

    au: Annotated[int, Meta(ge=5, le=24)] | UnsetType = UNSET
    replicas: Annotated[int, Meta(ge=1, le=4)] | UnsetType = UNSET


class UpdateScheduler(Struct, kw_only=True):
    """The scheduler of a hybrid Deployment."""

    au: Annotated[int, Meta(ge=5, le=24)]
    replicas: Annotated[int, Meta(ge=1, le=4)]


class _Any(Struct, kw_only=True, rename="camel"):
    """The fields of every request about a whole Deployment."""

    name: Annotated[str, Meta(max_length=500)]
    workspace_id: str
    description: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET
    contact_emails: list[str] | UnsetType | None = UNSET
    """The API document allows no null here, but the Astro CLI sends null and Astro accepts it."""
    workload_identity: Text = UNSET
    dr_workload_identity: Text = UNSET


class _Hosted(_Any, kw_only=True, rename="camel"):
    """The common fields of requests about standard and dedicated Deployments."""

    is_development_mode: Flag = UNSET
    default_task_pod_cpu: Text = UNSET
    default_task_pod_memory: Text = UNSET
    resource_quota_cpu: Text = UNSET
    resource_quota_memory: Text = UNSET
    scaling_spec: ScalingSpec | UnsetType = UNSET
    remote_execution: RemoteExecution | UnsetType = UNSET


class CreateHostedRequest(_Hosted, kw_only=True, rename="camel"):
    """The request for a new Deployment on Astro's infrastructure."""

    type: DeploymentType = "STANDARD"
    executor: Executor = "CELERY"
    scheduler_size: SchedulerSize = "SMALL"
    is_high_availability: bool = False
    is_cicd_enforced: bool = False
    is_dag_deploy_enabled: bool = False
    environment_variables: list[EnvironmentVariable] | UnsetType = UNSET
    worker_queues: Annotated[list[CreateWorkerQueue], Meta(min_length=1)] | UnsetType = UNSET
    astro_runtime_version: Text = UNSET
    cluster_id: Text = UNSET
    cloud_provider: Literal["AWS", "AZURE", "GCP"] | UnsetType = UNSET
    region: Text = UNSET


class CreateHybridRequest(_Any, kw_only=True, rename="camel"):
    """The request for a new Deployment on the customer's infrastructure."""

    type: DeploymentType
    executor: HybridExecutor = "CELERY"
    is_cicd_enforced: bool = False
    is_dag_deploy_enabled: bool = False
    environment_variables: list[EnvironmentVariable] | UnsetType = UNSET
    worker_queues: Annotated[list[CreateHybridWorkerQueue], Meta(min_length=1)] | UnsetType = UNSET
    astro_runtime_version: Text = UNSET
    cluster_id: Text = UNSET
    scheduler: CreateScheduler | UnsetType = UNSET
    task_pod_node_pool_id: Text = UNSET


class UpdateHostedRequest(_Hosted, kw_only=True, rename="camel"):
    """The request that updates a Deployment on Astro's infrastructure."""

    type: DeploymentType
    executor: Executor
    scheduler_size: SchedulerSize
    is_high_availability: bool
    is_cicd_enforced: bool
    is_dag_deploy_enabled: bool
    environment_variables: list[EnvironmentVariable]
    worker_queues: Annotated[list[UpdateWorkerQueue], Meta(min_length=1)] | UnsetType = UNSET


class UpdateHybridRequest(_Any, kw_only=True, rename="camel"):
    """The request that updates a Deployment on the customer's infrastructure."""

    type: DeploymentType
    executor: HybridExecutor
    scheduler: UpdateScheduler
    is_cicd_enforced: bool
    is_dag_deploy_enabled: bool
    environment_variables: list[EnvironmentVariable]
    worker_queues: Annotated[list[UpdateWorkerQueue], Meta(min_length=1)] | UnsetType = UNSET
    task_pod_node_pool_id: Text = UNSET


CreateDeploymentRequest = CreateHostedRequest | CreateHybridRequest
UpdateDeploymentRequest = UpdateHostedRequest | UpdateHybridRequest


class _Type(Struct):
    """The field that decides which schema the body has."""

    type: DeploymentType | UnsetType = UNSET


def read_create(raw: bytes) -> CreateDeploymentRequest:
    """Read the request for a new Deployment. Raises Refusal 400."""
    if read_body(raw, _Type).type == "HYBRID":
        return read_body(raw, CreateHybridRequest)
    return read_body(raw, CreateHostedRequest)


def read_update(raw: bytes) -> UpdateDeploymentRequest:
    """Read the request that updates a Deployment. Raises Refusal 400."""
    found = read_body(raw, _Type).type
    if found is UNSET:
        raise invalid("type", "must be STANDARD, DEDICATED or HYBRID", "required")
    if found == "HYBRID":
        return read_body(raw, UpdateHybridRequest)
    return read_body(raw, UpdateHostedRequest)
