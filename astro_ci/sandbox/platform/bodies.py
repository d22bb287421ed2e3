"""The request bodies of the v1 API, read strictly: what the API document forbids is refused.

Source: the schemas of the same names in the API document.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from astro_ci.model import ApiDeployType
from astro_ci.sandbox.platform.refusal import FieldProblem, Refusal, invalid

ShortText = Annotated[str, Meta(max_length=500)]
Optional = str | UnsetType


class CreateDeployGitRequest(Struct, kw_only=True, rename="camel"):
    """Where the code of a deploy comes from."""

    provider: Literal["GITHUB", "GENERIC"]
    commit_sha: str
    account: Optional = UNSET
    repo: Optional = UNSET
    remote_url: Optional = UNSET
    path: Optional = UNSET
    branch: Optional = UNSET
    author_name: Optional = UNSET
    author_url: Optional = UNSET
    author_username: Optional = UNSET
    commit_url: Optional = UNSET
    before_commit_sha: Optional = UNSET

    def check(self) -> None:
        """Refuse fields that do not go with the provider."""
        needed, unwanted = ["account", "repo"], ["remoteUrl"]
        if self.provider == "GENERIC":
            needed, unwanted = unwanted, needed
        given: dict[str, object] = msgspec.to_builtins(self)
        for name in needed:
            if not given.get(name):
                raise invalid(f"git.{name}", f"required for provider {self.provider}", "required")
        for name in unwanted:
            if given.get(name):
                raise invalid(f"git.{name}", f"must be empty for provider {self.provider}")


class CreateDeployRequest(Struct, kw_only=True, rename="camel"):
    """A deploy to be."""

    type: ApiDeployType
    description: ShortText | UnsetType = UNSET
    git: CreateDeployGitRequest | UnsetType = UNSET
    bundle_mount_path: Optional = UNSET
    bundle_type: Optional = UNSET

    def check(self) -> None:
        """Refuse what the schema allows and its descriptions do not."""
        if self.git:
            self.git.check()
        if self.type != "BUNDLE":
            return
        for name, value in (
            ("bundleMountPath", self.bundle_mount_path),
            ("bundleType", self.bundle_type),
        ):
            if not value:
                raise invalid(name, "required for a deploy of type BUNDLE", "required")


class UpdateDeployRequest(Struct, kw_only=True):
    """A new description of a deploy."""

    description: ShortText | UnsetType = UNSET


class DeployRollbackRequest(Struct, kw_only=True):
    """The description of the deploy that a rollback makes."""

    description: ShortText | UnsetType = UNSET


class FinalizeDeployRequest(Struct, kw_only=True, rename="camel"):
    """What was uploaded for a deploy."""

    dag_tarball_version: Optional = UNSET
    bundle_tarball_version: Optional = UNSET


class OverrideDeploymentHibernationBody(Struct, kw_only=True, rename="camel"):
    """A hibernation override."""

    is_hibernating: bool | None
    override_until: Annotated[str, Meta(min_length=1)] | UnsetType | None = UNSET


class EnvironmentVariable(Struct, kw_only=True, rename="camel"):
    """An environment variable of a Deployment."""

    is_secret: bool
    key: str
    value: Optional = UNSET


class WorkerQueueRequest(Struct, kw_only=True, rename="camel"):
    """A worker queue of a Deployment."""

    name: Annotated[str, Meta(max_length=63)]
    is_default: bool
    max_worker_count: Annotated[int, Meta(ge=1)]
    min_worker_count: Annotated[int, Meta(ge=0)]
    worker_concurrency: Annotated[int, Meta(ge=1)]
    astro_machine: Literal["A5", "A10", "A20", "A40", "A60", "A120", "A160"] | UnsetType = UNSET
    id: Optional = UNSET
    node_pool_id: Optional = UNSET
    pod_ephemeral_storage: Optional = UNSET


class HibernationSchedule(Struct, kw_only=True, rename="camel"):
    """When a development Deployment sleeps; kept and shown, never acted on."""

    hibernate_at_cron: str
    wake_at_cron: str
    is_enabled: bool
    description: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET


class HibernationOverrideRequest(Struct, kw_only=True, rename="camel"):
    """An override that comes with an update of the Deployment."""

    is_hibernating: bool | UnsetType = UNSET
    override_until: Optional = UNSET


class HibernationSpecRequest(Struct, kw_only=True):
    """The schedules and the override of an update."""

    override: HibernationOverrideRequest | UnsetType = UNSET
    schedules: Annotated[list[HibernationSchedule], Meta(max_length=10)] | UnsetType = UNSET


class ScalingSpecRequest(Struct, kw_only=True, rename="camel"):
    """What an update says of hibernation."""

    hibernation_spec: HibernationSpecRequest | UnsetType = UNSET


class RemoteExecutionRequest(Struct, kw_only=True, rename="camel"):
    """What an update says of remote execution."""

    enabled: bool
    allowed_ip_address_ranges: list[str] | UnsetType = UNSET
    task_log_bucket: Optional = UNSET
    task_log_url_pattern: Optional = UNSET


class UpdateDeploymentRequest(Struct, kw_only=True, rename="camel"):
    """A whole Deployment. Source: schema UpdateStandardDeploymentRequest."""

    type: Literal["STANDARD", "DEDICATED", "HYBRID"]
    name: ShortText
    workspace_id: str
    executor: Literal["CELERY", "KUBERNETES", "ASTRO"]
    scheduler_size: Literal["SMALL", "MEDIUM", "LARGE", "EXTRA_LARGE"]
    is_high_availability: bool
    is_cicd_enforced: bool
    is_dag_deploy_enabled: bool
    environment_variables: list[EnvironmentVariable]
    is_development_mode: bool | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET
    contact_emails: list[str] | UnsetType = UNSET
    worker_queues: Annotated[list[WorkerQueueRequest], Meta(min_length=1)] | UnsetType = UNSET
    default_task_pod_cpu: Optional = UNSET
    default_task_pod_memory: Optional = UNSET
    resource_quota_cpu: Optional = UNSET
    resource_quota_memory: Optional = UNSET
    scaling_spec: ScalingSpecRequest | UnsetType = UNSET
    remote_execution: RemoteExecutionRequest | UnsetType = UNSET
    workload_identity: Optional = UNSET
    dr_workload_identity: Optional = UNSET


Body = TypeVar("Body", bound=Struct)

_PLACE = re.compile(r"^(?P<problem>.*?)(?: - at `\$\.?(?P<place>[^`]*)`)?$", re.DOTALL)
_NAMED_FIELD = re.compile(r"required field `([^`]+)`")


def read_body(raw: bytes, kind: type[Body]) -> Body:
    """Decode a request body. Raises Refusal 400 that names the field at fault."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as exc:
        raise _refusal(str(exc)) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Refusal(400, f"Invalid request: the body is not JSON: {exc}") from exc


def _refusal(problem: str) -> Refusal:
    match = _PLACE.match(problem)
    place = (match["place"] if match else None) or ""
    message = match["problem"] if match else problem
    missing = _NAMED_FIELD.search(message)
    code = "required" if missing else "invalid"
    path = ".".join(part for part in (place, missing[1] if missing else "") if part) or "body"
    return Refusal(400, f"Invalid request: {path}: {message}", [FieldProblem(path, code, message)])
