"""The values everything else speaks in: frozen, no I/O.

The first half is the platform's own (field names as the API spells them, in snake case); the
second half is ours: what changed, what runs, the Plan and the result of a deploy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from astro_ci.finding import Checked, CheckName, Finding

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
    is_development_mode: bool = False
    """Whether it may hibernate."""
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


class Subject(Struct, frozen=True, kw_only=True, rename="camel"):
    """A person or an API token. Source: schema BasicSubjectProfile."""

    full_name: str = ""
    username: str = ""
    api_token_name: str = ""

    @property
    def name(self) -> str:
        """The name that people know the subject by; empty where Astro does not say."""
        return self.full_name or self.username or self.api_token_name


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
    """A secret: anyone who has this URL can write the bundle."""
    description: str = ""
    git: DeployGit | None = None
    is_dag_deploy_enabled: bool = False
    """Whether DAG-only deploys were enabled when this deploy was made."""
    rollback_from_id: str = ""
    """The deploy that this rollback restored; empty for a deploy that is not a rollback."""
    bundle_mount_path: str = ""
    """Where a BUNDLE deploy mounts what it brings; empty for all others."""
    created_at: str = ""
    created_by_subject: Subject | None = None

    def __repr__(self) -> str:
        """Show the deploy without its secret."""
        return f"Deploy(id={self.id!r}, type={self.type!r}, status={self.status!r})"


class RuntimeRelease(Struct, frozen=True, kw_only=True, rename="camel"):
    """An Astro Runtime version that a Deployment may run. Source: schema RuntimeRelease."""

    version: str
    airflow_version: str = ""
    channel: str = ""


# --- what changed -------------------------------------------------------------------------------


class Part(StrEnum):
    """A part of a deploy that is compared and deployed separately."""

    IMAGE = "image"
    DAGS = "dags"


NO_PARTS: frozenset[Part] = frozenset()
Affects = Literal["dags", "image", "nothing"]
Digests = Mapping[Part, str]
"""The content of each part, as 16 hexadecimal digits."""
Sameness = Literal["same", "different", "unknown"]
BaseSource = Literal["deployed", "event", "ref", "none"]


class Status(StrEnum):
    """How a path differs, in git's letters."""

    ADDED = "A"
    MODIFIED = "M"
    DELETED = "D"
    TYPE_CHANGED = "T"
    UNMERGED = "U"


class PathChange(Struct, frozen=True, kw_only=True):
    """A path that differs between a base and what will be shipped.

    The path is relative to the repository root, with `/`; bytes that are not UTF-8 are surrogate
    escapes, as `os.fsdecode` makes them. A rename is two changes.
    """

    path: str
    status: Status


class Change(PathChange, frozen=True, kw_only=True):
    """A path that differs, the parts that it is in, and the rule that says so."""

    parts: frozenset[Part]
    because: str

    @property
    def affects(self) -> Affects:
        """Return the part as one word; a path of both parts counts as the image's."""
        if Part.IMAGE in self.parts:
            return "image"
        return "dags" if Part.DAGS in self.parts else "nothing"


# --- the plan -----------------------------------------------------------------------------------


class DeployType(StrEnum):
    """What a plan deploys."""

    NONE = "none"
    DAGS = "dags"
    IMAGE_AND_DAGS = "image-and-dags"
    IMAGE = "image"

    @property
    def parts(self) -> frozenset[Part]:
        """What is shipped. Without DAG-only deploys the DAGs ship in the image."""
        return frozenset(part for part in Part if part in self.value.split("-and-"))

    @property
    def has_image(self) -> bool:
        """Whether an image is built and pushed."""
        return Part.IMAGE in self.parts

    @property
    def has_dags(self) -> bool:
        """Whether DAGs are shipped: in a bundle, or in the image without DAG-only deploys."""
        return Part.DAGS in self.parts


class Request(StrEnum):
    """What the user asked for."""

    AUTO = "auto"
    DAGS = "dags"
    IMAGE_AND_DAGS = "image-and-dags"
    IMAGE = "image"


class Base(Struct, frozen=True, kw_only=True):
    """The commit that each part was compared with; None where there is none."""

    commits: Mapping[Part, str | None]
    source: BaseSource

    @property
    def image(self) -> str | None:
        """The image's."""
        return self.commits[Part.IMAGE]

    @property
    def dags(self) -> str | None:
        """The DAGs'."""
        return self.commits[Part.DAGS]


class Content(Struct, frozen=True, kw_only=True):
    """Whether each part that would be deployed equals the running one."""

    parts: Mapping[Part, Sameness]

    @property
    def image(self) -> Sameness:
        """The image's."""
        return self.parts[Part.IMAGE]

    @property
    def dags(self) -> Sameness:
        """The DAGs'."""
        return self.parts[Part.DAGS]


class Repository(Struct, frozen=True, kw_only=True):
    """The pages of a repository."""

    page: str
    """Such as `https://github.com/acme/etl`."""
    kind: str
    """Whose pages they are: github, gitlab, bitbucket, azure, gitea or forgejo."""


class Origin(Struct, frozen=True, kw_only=True):
    """Where a project is, in whichever clone."""

    repository: str = ""
    """Host and path of the remote, without credentials; empty where there is none."""
    project: str = ""
    """The project's path in the repository, with `/`; empty for the repository root."""


class PrebuiltImage(Struct, frozen=True, kw_only=True):
    """The image of a deploy that does not build one."""

    reference: str
    """As the user named it."""
    digest: str
    """Its identity, with `sha256:` in front."""
    commit: str
    """The commit that it was built from; empty when that is not known."""


class FastPlan(Struct, frozen=True, kw_only=True):
    """Whether the image is made without a build, from the running one."""

    mode: str
    """What the user asked for: auto, require or verify."""
    reasons: Sequence[str] = ()
    """Why the image has to be built, as clauses; empty where it need not be."""

    @property
    def is_possible(self) -> bool:
        """Whether the code layer of the running image can be replaced."""
        return not self.reasons

    @property
    def is_chosen(self) -> bool:
        """Whether the image that is deployed is made so; `verify` deploys a built one."""
        return self.is_possible and self.mode != "verify"


class Plan(Struct, frozen=True, kw_only=True):
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
    uncommitted: Sequence[str] = ()
    """The files that would ship and are not in the head, or differ from it there."""
    image: PrebuiltImage | None = None
    """None: the image is built, if one is deployed."""
    bundle_layout: str = "prefixed"
    """How the DAG bundle has its files: `prefixed` with dags/, or at its `root`."""
    checks: Sequence[Checked] = ()
    """The checks of what would ship that were made while planning."""
    fast: FastPlan | None = None
    """None: nobody asked for it, or no image is made."""
    title: str = ""
    """The title of the commit that is checked out, which a stranger may have written."""
    repository: Repository | None = None
    """Where the commits have pages; None where that is not known."""
    digests: Digests = field(default_factory=dict)
    """What would ship, part by part; empty without credentials."""
    origin: Origin = Origin()

    @property
    def ships_checkout(self) -> bool:
        """Whether anything of the checkout is deployed; a prebuilt image may be all there is."""
        is_bundled = self.deployment is None or self.deployment.is_dag_deploy_enabled
        return self.image is None or (self.deploy_type.has_dags and is_bundled)

    @property
    def findings(self) -> list[Finding]:
        """The findings of the checks, the most severe first."""
        found = (finding for checked in self.checks for finding in checked.findings)
        return sorted(found, key=lambda finding: finding.order)


Outcome = Literal["deployed", "skipped", "failed"]


class DeployResult(Struct, frozen=True, kw_only=True):
    """How a deploy ended. Empty strings stand for what this deploy type does not have."""

    outcome: Outcome
    plan: Plan
    deploy_id: str = ""
    image_tag: str = ""
    bundle_version: str = ""
    overridden: Sequence[CheckName] = ()
    """The checks that failed, and that --force deployed past."""
    commit_url: str = ""
    """The page of the commit that was shipped."""
    replaced_by: str = ""
    """The deploy that has since replaced this one."""
    fast_differences: Sequence[str] | None = None
    """What the built image has otherwise than the one that would have been made without a build;
    None where nothing was compared."""
    url: str = ""
    duration_seconds: float = field(default=0.0)
    phases: Mapping[str, float] = field(default_factory=dict)
    """How many seconds each phase took: survey, build, checks, wake, push, upload, rollout."""
