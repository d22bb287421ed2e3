"""The values that all modules share; they are frozen, and there is no I/O here.

The first half has the values of Astro's API, with the API's field names in snake case. The second
half has astro-ci's own values: changes, the Plan, and the result of a deploy.
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
    """The tag of the running image, or of the image in rollout; empty before the first deploy."""
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
    """The commit and repository of a deploy. Source: schemas DeployGit, CreateDeployGitRequest."""

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
        """The name to show for the subject; empty when Astro gives none."""
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
    """The path at which a BUNDLE deploy mounts its bundle; empty for other deploys."""
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
    """The kind of a difference, as git's letter."""

    ADDED = "A"
    MODIFIED = "M"
    DELETED = "D"
    TYPE_CHANGED = "T"
    UNMERGED = "U"


class PathChange(Struct, frozen=True, kw_only=True):
    """A path that differs between a base and the files to ship.

    The path is relative to the repository root, with `/`. Bytes that are not UTF-8 are surrogate
    escapes, as from `os.fsdecode`. A rename is two changes.
    """

    path: str
    status: Status


class Change(PathChange, frozen=True, kw_only=True):
    """A path that differs, the parts that it belongs to, and the rule that decides this."""

    parts: frozenset[Part]
    because: str

    @property
    def affects(self) -> Affects:
        """Return the part as one word; a path of both parts counts as a path of the image."""
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
        """The shipped parts. If DAG-only deploys are disabled, the DAGs ship in the image."""
        return frozenset(part for part in Part if part in self.value.split("-and-"))

    @property
    def has_image(self) -> bool:
        """Whether an image is pushed."""
        return Part.IMAGE in self.parts

    @property
    def has_dags(self) -> bool:
        """Whether DAGs are shipped: in a bundle, or in the image without DAG-only deploys."""
        return Part.DAGS in self.parts


class Request(StrEnum):
    """The deploy type that the user chose."""

    AUTO = "auto"
    DAGS = "dags"
    IMAGE_AND_DAGS = "image-and-dags"
    IMAGE = "image"


class Base(Struct, frozen=True, kw_only=True):
    """The commit with which each part was compared; None without a comparison."""

    commits: Mapping[Part, str | None]
    source: BaseSource

    @property
    def image(self) -> str | None:
        """The commit for the image."""
        return self.commits[Part.IMAGE]

    @property
    def dags(self) -> str | None:
        """The commit for the DAGs."""
        return self.commits[Part.DAGS]


class Content(Struct, frozen=True, kw_only=True):
    """Whether the content of each part equals the running content."""

    parts: Mapping[Part, Sameness]

    @property
    def image(self) -> Sameness:
        """The result for the image."""
        return self.parts[Part.IMAGE]

    @property
    def dags(self) -> Sameness:
        """The result for the DAGs."""
        return self.parts[Part.DAGS]


class Repository(Struct, frozen=True, kw_only=True):
    """The web pages of a repository."""

    page: str
    """The URL of the repository, such as `https://github.com/acme/etl`."""
    kind: str
    """The kind of git host: github, gitlab, bitbucket, azure, gitea or forgejo."""


class Origin(Struct, frozen=True, kw_only=True):
    """The place of a project, which is the same in all clones."""

    repository: str = ""
    """Host and path of the remote, without credentials; empty without a remote."""
    project: str = ""
    """The project's path in the repository, with `/`; empty for the repository root."""


class PrebuiltImage(Struct, frozen=True, kw_only=True):
    """The image of a deploy that builds no image."""

    reference: str
    """The user's name of the image."""
    digest: str
    """The image's identity, which starts with `sha256:`."""
    commit: str
    """The commit that the image was built from; empty when it is not known."""


class FastPlan(Struct, frozen=True, kw_only=True):
    """Whether the image is made from the running image, without a build."""

    mode: str
    """The mode that the user chose: auto, require or verify."""
    reasons: Sequence[str] = ()
    """The reasons why the image has to be built, as clauses; empty without a reason."""

    @property
    def is_possible(self) -> bool:
        """Whether the code layer of the running image can be replaced."""
        return not self.reasons

    @property
    def is_chosen(self) -> bool:
        """Whether the deployed image is made in this way; `verify` deploys a built image."""
        return self.is_possible and self.mode != "verify"


class Plan(Struct, frozen=True, kw_only=True):
    """What will be deployed, and why. `plan` prints a Plan, and `deploy` acts on a Plan."""

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
    """The files to ship that are not in the head commit, or differ from it."""
    image: PrebuiltImage | None = None
    """The prebuilt image; None when the image is built, or none is deployed."""
    bundle_layout: str = "prefixed"
    """The place of the files in the DAG bundle: `prefixed` with dags/, or at its `root`."""
    checks: Sequence[Checked] = ()
    """The checks of the files to ship that were made during planning."""
    fast: FastPlan | None = None
    """None when the option is off, or when no image is made."""
    title: str = ""
    """The title of the checked-out commit, which is untrusted text."""
    repository: Repository | None = None
    """The web pages of the commits; None when they are not known."""
    digests: Digests = field(default_factory=dict)
    """The digests of the parts to ship; empty without credentials."""
    origin: Origin = Origin()

    @property
    def ships_checkout(self) -> bool:
        """Whether files of the checkout are deployed, and not only a prebuilt image."""
        is_bundled = self.deployment is None or self.deployment.is_dag_deploy_enabled
        return self.image is None or (self.deploy_type.has_dags and is_bundled)

    @property
    def findings(self) -> list[Finding]:
        """The findings of all checks, the most severe first."""
        found = (finding for checked in self.checks for finding in checked.findings)
        return sorted(found, key=lambda finding: finding.order)


Outcome = Literal["deployed", "skipped", "failed"]


class DeployResult(Struct, frozen=True, kw_only=True):
    """The result of a deploy. A string is empty if the deploy type does not have the value."""

    outcome: Outcome
    plan: Plan
    deploy_id: str = ""
    image_tag: str = ""
    bundle_version: str = ""
    overridden: Sequence[CheckName] = ()
    """The failed checks that --force overrode."""
    commit_url: str = ""
    """The web page of the shipped commit."""
    replaced_by: str = ""
    """The later deploy that has replaced this deploy."""
    fast_differences: Sequence[str] | None = None
    """The differences between the built image and the image that `--fast` would have made; None
    without a comparison."""
    url: str = ""
    duration_seconds: float = field(default=0.0)
    phases: Mapping[str, float] = field(default_factory=dict)
    """The duration of each phase in seconds: survey, build, checks, wake, push, upload,
    rollout."""
