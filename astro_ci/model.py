"""The values everything else speaks in: frozen, no I/O.

The first half is the platform's own (field names as the API spells them, in snake case); the
second half is ours: what changed, what runs, the Plan and the result of a deploy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from msgspec import Struct

# --- the platform -------------------------------------------------------------------------------

ApiDeployType = Literal["IMAGE_AND_DAG", "IMAGE_ONLY", "DAG_ONLY", "BUNDLE"]


class Deployment(Struct, frozen=True, kw_only=True, rename="camel"):
    """An Airflow environment on Astro. Source: schema Deployment."""

    id: str
    name: str
    organization_id: str
    workspace_id: str
    status: str
    """CREATING, DEPLOYING, HEALTHY, UNHEALTHY, UNKNOWN or HIBERNATING."""
    status_reason: str = ""
    type: str = ""
    """STANDARD, DEDICATED or HYBRID."""
    is_dag_deploy_enabled: bool
    is_cicd_enforced: bool = False
    astro_runtime_version: str = ""
    image_repository: str = ""
    image_tag: str = ""
    """The tag of the image that runs, or is being rolled out; empty before the first deploy."""
    dag_tarball_version: str = ""
    """The bundle version that is live."""
    desired_dag_tarball_version: str = ""
    """The bundle version that is live, or is being rolled out."""
    web_server_url: str = ""

    @property
    def running_bundle_version(self) -> str:
        """The bundle version that the next deploy would replace."""
        return self.desired_dag_tarball_version or self.dag_tarball_version


class DeployGit(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a deploy's code came from. Source: schemas DeployGit, CreateDeployGitRequest."""

    provider: Literal["GITHUB", "GENERIC"]
    commit_sha: str
    account: str = ""
    repo: str = ""
    remote_url: str = ""
    path: str = ""
    """The project's path in the repository, with `/`; empty for the repository root."""
    branch: str = ""
    author_name: str = ""
    author_username: str = ""
    commit_url: str = ""
    before_commit_sha: str = ""


class Deploy(Struct, frozen=True, kw_only=True, rename="camel"):
    """One push of code to a Deployment: created, then finalized. Source: schema Deploy."""

    id: str
    type: str
    """IMAGE_AND_DAG, IMAGE_ONLY, DAG_ONLY or BUNDLE."""
    status: str
    """INITIALIZED, DEPLOYED or FAILED."""
    image_repository: str = ""
    image_tag: str = ""
    dag_tarball_version: str = ""
    dags_upload_url: str = ""
    """A secret: whoever has it can write the bundle."""
    description: str = ""
    git: DeployGit | None = None
    is_dag_deploy_enabled: bool = False
    """Whether DAG-only deploys were enabled when this deploy was made."""
    rollback_from_id: str = ""
    """The deploy that this one went back to; empty when it is no rollback."""
    created_at: str = ""

    def __repr__(self) -> str:
        """Name it, without its secret."""
        return f"Deploy(id={self.id!r}, type={self.type!r}, status={self.status!r})"


class RuntimeRelease(Struct, frozen=True, kw_only=True, rename="camel"):
    """An Astro Runtime version that a Deployment may run. Source: schema RuntimeRelease."""

    version: str
    airflow_version: str = ""
    channel: str = ""


# --- what changed -------------------------------------------------------------------------------

Affects = Literal["dags", "image", "nothing"]
Sameness = Literal["same", "different", "unknown"]
BaseSource = Literal["deployed", "event", "ref", "none"]


class Status(StrEnum):
    """How a path differs, in git's letters."""

    ADDED = "A"
    MODIFIED = "M"
    DELETED = "D"
    TYPE_CHANGED = "T"
    UNMERGED = "U"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathChange:
    """A path that differs between a base and what will be shipped.

    The path is relative to the repository root, with `/`; bytes that are not UTF-8 are surrogate
    escapes, as `os.fsdecode` makes them. A rename is two changes.
    """

    path: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(PathChange):
    """A path that differs, what that affects, and the rule that says so."""

    affects: Affects
    because: str
    also_dags: bool = False
    """Whether it counts for the DAGs as well, although the image is what it affects first."""


# --- the plan -----------------------------------------------------------------------------------


class DeployType(StrEnum):
    """What a plan deploys."""

    NONE = "none"
    DAGS = "dags"
    IMAGE_AND_DAGS = "image-and-dags"
    IMAGE = "image"

    @property
    def has_image(self) -> bool:
        """Whether an image is built and pushed."""
        return self in (DeployType.IMAGE, DeployType.IMAGE_AND_DAGS)

    @property
    def has_dags(self) -> bool:
        """Whether DAGs are shipped: in a bundle, or in the image without DAG-only deploys."""
        return self in (DeployType.DAGS, DeployType.IMAGE_AND_DAGS)


class Request(StrEnum):
    """What the user asked for."""

    AUTO = "auto"
    DAGS = "dags"
    IMAGE_AND_DAGS = "image-and-dags"
    IMAGE = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The commits that the checkout was compared with; None where there is none."""

    image: str | None
    dags: str | None
    source: BaseSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Whether what will be shipped is what runs."""

    image: Sameness
    dags: Sameness


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What will be deployed, and why. `plan` prints it, `deploy` acts on it."""

    deploy_type: DeployType
    requested: Request
    reason: str
    head: str
    dirty: bool
    base: Base
    content: Content
    changes: Sequence[Change] = ()
    deployment: Deployment | None = None
    assumptions: Sequence[str] = ()


Outcome = Literal["deployed", "skipped", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployResult:
    """How a deploy ended. Empty strings stand for what this deploy type does not have."""

    outcome: Outcome
    plan: Plan
    deploy_id: str = ""
    image_tag: str = ""
    bundle_version: str = ""
    url: str = ""
    duration_seconds: float = field(default=0.0)
