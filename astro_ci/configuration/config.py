"""The options of a run as a frozen value, which is validated once. Its fields are the options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from astro_ci.configuration import kinds
from astro_ci.configuration.option import Option, Scope, Section, option, rows_of
from astro_ci.errors import ConfigurationError
from astro_ci.model import Request

DEFAULT_TESTS = "tests"
DOCKERFILE = "Dockerfile"
_WORDS = ("true", "false")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of `plan` and `deploy`. Raises ConfigurationError for invalid combinations."""

    project: Path = option(
        Path(),
        "--project",
        kind=kinds.PATH,
        section=Section.WHERE,
        scope=Scope.TARGET,
        help="The Astro project's directory.",
        input_aliases=("root-folder",),
        input_help="It is relative to the repository's root. Default: the root.",
    )
    dags_path: str = option(
        "dags",
        "--dags-path",
        kind=kinds.TEXT,
        section=Section.WHERE,
        help="The DAGs directory, relative to the project.",
        key="dags-path",
    )
    """Relative to the project, or an absolute path."""
    deployment_id: str | None = option(
        None,
        "--deployment-id",
        kind=kinds.ID,
        section=Section.WHERE,
        scope=Scope.TARGET,
        help="The id of the Deployment.",
        variables=("ASTRO_DEPLOYMENT_ID", "ASTRONOMER_DEPLOYMENT_ID", "DEPLOYMENT_ID"),
        input_help="Default: the variable ASTRO_DEPLOYMENT_ID, or astro-ci.yaml.",
    )
    deployment_name: str | None = option(
        None,
        "--deployment-name",
        kind=kinds.TEXT,
        section=Section.WHERE,
        scope=Scope.TARGET,
        help="The exact, unique name of the Deployment, or its key in astro-ci.yaml.",
    )
    workspace_id: str | None = option(
        None,
        "--workspace-id",
        kind=kinds.ID,
        section=Section.WHERE,
        scope=Scope.TARGET,
        help="The Workspace in which to look for the Deployment's name.",
        variables=("ASTRO_WORKSPACE_ID",),
        key="workspace-id",
        input_aliases=("workspace",),
        input_help="Default: all Workspaces that the token can see.",
    )
    organization_id: str | None = option(
        None,
        "--organization-id",
        kind=kinds.ID,
        section=Section.WHERE,
        scope=Scope.TARGET,
        help="The Organization; read from the token by default.",
        variables=("ASTRO_ORGANIZATION_ID",),
        key="organization-id",
    )
    requested: Request = option(
        Request.AUTO,
        "--type",
        kind=kinds.DEPLOY_TYPE,
        section=Section.WHAT,
        metavar="auto|dags|image-and-dags|image",
        help="What to deploy; auto deploys what changed. Also: infer, dags-only, image-only.",
        key="type",
        action_input="deploy-type",
    )
    base: str = option(
        "auto",
        "--base",
        kind=kinds.BASE,
        section=Section.WHAT,
        metavar="auto|deployed|event|REF",
        help="What to compare with; auto: the running versions, or the push's previous commit if "
        "they are not known.",
        key="base",
        has_variable=False,
        input_help="Or deployed, event, a commit, a branch or a tag.",
    )
    """auto, deployed, event, or a commit or ref."""
    ignore: Sequence[str] = option(
        (),
        "--ignore",
        kind=kinds.GLOBS,
        section=Section.WHAT,
        metavar="GLOB",
        help="Changed files to ignore, as globs.",
        key="ignore",
    )
    ignore_findings: Sequence[str] = option(
        (),
        "--ignore-finding",
        kind=kinds.SILENCES,
        section=Section.GUARDS,
        metavar="RULE [GLOB]",
        help="Findings of the checks to ignore: a rule, and optionally a glob of paths.",
        key="checks",
        has_input=False,
    )
    """Each is a rule, which may be followed by a space and a glob of paths."""
    image_paths: Sequence[str] = option(
        (),
        "--image-paths",
        kind=kinds.GLOBS,
        section=Section.WHAT,
        metavar="GLOB",
        help="Files anywhere in the repository that change the image, as globs.",
        key="image-paths",
    )
    build_args: Sequence[str] = option(
        (),
        "--build-arg",
        kind=kinds.BUILD_ARGUMENTS,
        section=Section.HOW,
        metavar="NAME=VALUE",
        help="A build argument of the image.",
        key="build-args",
        action_input="build-args",
        input_help="Written as NAME=value.",
    )
    """NAME=value, or only NAME for the value from the environment."""
    build_secrets: Sequence[str] = option(
        (),
        "--build-secret",
        kind=kinds.LINES,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        metavar="id=NAME,env=VARIABLE",
        help="A secret for the image build, written as for `docker build --secret`.",
        key="build-secrets",
        action_input="build-secrets",
        input_help="Written as id=NAME,env=VARIABLE.",
    )
    """In the format of `docker build --secret`."""
    dockerfile: str = option(
        DOCKERFILE,
        "--dockerfile",
        kind=kinds.DOCKERFILE,
        section=Section.HOW,
        metavar="PATH",
        help="The file that the image is built from, relative to the project.",
        key="dockerfile",
    )
    target: str = option(
        "",
        "--target",
        kind=kinds.STAGE,
        section=Section.HOW,
        metavar="STAGE",
        help="The stage of the Dockerfile to build; by default the last stage.",
        key="target",
    )
    builder: str = option(
        "",
        "--builder",
        kind=kinds.BUILDER,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        metavar="NAME",
        help="The buildx builder that builds the image; the current one by default.",
        key="builder",
        template_input="buildx-builder",  # `builder` says there where the engine is
    )
    cache_from: Sequence[str] = option(
        (),
        "--cache-from",
        kind=kinds.CACHES,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        metavar="PLACE",
        help="A build cache to read, written as for `docker buildx build --cache-from`.",
        key="cache-from",
        input_help="Written as type=registry,ref=NAME.",
    )
    cache_to: Sequence[str] = option(
        (),
        "--cache-to",
        kind=kinds.CACHES,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        metavar="PLACE",
        help="A build cache to write, written as for `docker buildx build --cache-to`.",
        key="cache-to",
        input_help="Written as type=registry,ref=NAME.",
    )
    image_name: str = option(
        "",
        "--image-name",
        kind=kinds.IMAGE_NAME,
        section=Section.HOW,
        metavar="NAME",
        help="Deploy this image instead of building one; taken from the Docker Engine, else from "
        "its registry.",
        key="image-name",
        input_help="A tag, a digest or an id.",
    )
    image_archive: Path | None = option(
        None,
        "--image-archive",
        kind=kinds.PATH,
        section=Section.HOW,
        metavar="FILE",
        help="Deploy the image of this `docker save` or OCI archive instead of building one.",
    )
    image_is_checkout: bool = option(
        False,
        "--image-is-checkout",
        kind=kinds.BOOLEAN,
        section=Section.HOW,
        help="The prebuilt image was built from the commit that is checked out.",
        key="image-is-checkout",
        input_help="It is for images without a label that names their commit.",
    )
    fast: str = option(
        "off",
        "--fast",
        kind=kinds.FAST,
        section=Section.HOW,
        metavar="auto|require|off|verify",
        help="Replace the running image's code instead of building, if the result is the same.",
        key="fast",
        input_help="Or require, off (the default) or verify.",
    )
    """auto, require, off or verify."""
    fast_max_age: float = option(
        7 * 86_400.0,
        "--fast-max-age",
        kind=kinds.AGE,
        section=Section.HOW,
        metavar="AGE",
        help="How old the last build may be for --fast, such as 12h or 7d.",
        key="fast-max-age",
    )
    """In seconds."""
    bundle_layout: str | None = option(
        None,
        "--bundle-layout",
        kind=kinds.LAYOUT,
        section=Section.HOW,
        metavar="prefixed|root",
        help="Where the DAG bundle has its files: below dags/ (prefixed), or at its root; by "
        "default as in the running bundle.",
        key="bundle-layout",
    )
    """None for the layout of the running bundle."""
    description: str = option(
        "",
        "--description",
        kind=kinds.DESCRIPTION,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        help="The description in Astro's deploy history.",
        key="description",
        input_help="Default: the commit's title.",
    )
    redeploy: bool = option(
        False,
        "--redeploy",
        kind=kinds.BOOLEAN,
        section=Section.WHAT,
        help="Deploy even when nothing changed.",
        key="redeploy",
    )
    parse: bool | None = option(
        None,
        "--parse",
        kind=kinds.BOOLEAN,
        section=Section.GUARDS,
        scope=Scope.DEPLOY,
        help="Load every DAG file before the deploy; by default only if an image is available.",
        key="parse",
    )
    """None: only when an image is built or available."""
    pytest: str | None = option(
        None,
        "--pytest",
        kind=kinds.TESTS,
        section=Section.GUARDS,
        scope=Scope.DEPLOY,
        metavar="[PATH]",
        help="Run the project's tests in the image before the deploy: all in tests, or PATH.",
        key="pytest",
        input_help="True, or a path.",
    )
    """A path, or one of the words true and false."""
    pytest_file: str | None = option(
        None,
        "--pytest-file",
        kind=kinds.TEXT,
        section=Section.GUARDS,
        scope=Scope.DEPLOY,
        metavar="PATH",
        help="The same as --pytest PATH, for users of deploy-action; ignored with --pytest false.",
        key="pytest-file",
    )
    force: Sequence[str] = option(
        (),
        "--force",
        kind=kinds.CHECK_NAMES,
        section=Section.GUARDS,
        metavar="[CHECKS]",
        help="Deploy even if these checks fail: static, parse, pytest; without names, all of them.",
        key="force",
        input_help="Names separated by commas, or true for all of them.",
    )
    """Names of checks."""
    skip_unchanged: bool = option(
        False,
        "--skip-unchanged",
        kind=kinds.BOOLEAN,
        section=Section.WHAT,
        help="Skip when nothing changed, even with an explicit --type.",
        key="skip-unchanged",
    )
    allow_older: bool = option(
        False,
        "--allow-older",
        kind=kinds.BOOLEAN,
        section=Section.GUARDS,
        help="Deploy even if a newer commit is already running.",
        key="allow-older",
    )
    allow_shrink: bool = option(
        False,
        "--allow-shrink",
        kind=kinds.BOOLEAN,
        section=Section.GUARDS,
        help="Deploy even if this removes all or most DAG files.",
        key="allow-shrink",
    )
    dry_run: bool = option(
        False,
        "--dry-run",
        kind=kinds.BOOLEAN,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        help="Print the plan, and deploy nothing.",
    )
    wait: bool = option(
        True,
        "--wait",
        kind=kinds.BOOLEAN,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        help="Wait until the deploy is live.",
        key="wait",
    )
    wait_seconds: float = option(
        600.0,
        "--wait-time",
        kind=kinds.DURATION,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        help="How long to wait, such as 90s, 10m or 1h30m.",
        key="wait-time",
    )
    wake: bool = option(
        False,
        "--wake",
        kind=kinds.BOOLEAN,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        help="Wake a hibernating Deployment up for the deploy, and restore its hibernation "
        "afterwards.",
        key="wake",
        input_aliases=("wake-on-deploy",),
    )
    wake_seconds: float = option(
        600.0,
        "--wake-time",
        kind=kinds.DURATION,
        section=Section.HOW,
        scope=Scope.DEPLOY,
        help="How long a Deployment may take to wake up, such as 90s or 10m.",
        key="wake-time",
    )
    requested_as: str = field(default="", compare=False)
    """The deploy type as the user wrote it, such as `--dags`; empty for the default. No option."""

    def __post_init__(self) -> None:
        """Refuse options that contradict each other."""
        if self.deployment_id and self.deployment_name:
            raise ConfigurationError(
                "--deployment-id and --deployment-name are both set",
                hint="Name the Deployment once; unset the other option and its variable.",
            )
        if self.pytest not in (None, *_WORDS, self.pytest_file) and self.pytest_file:
            raise ConfigurationError(
                "--pytest and --pytest-file name different tests",
                hint="Name the tests once.",
            )
        self._refuse_what_only_builds_take()
        for row in options():
            row.check(getattr(self, row.field))

    def _refuse_what_only_builds_take(self) -> None:
        """Raise ConfigurationError for a prebuilt image with options of a build."""
        if not self.is_prebuilt:
            return
        if self.image_name and self.image_archive:
            raise ConfigurationError(
                "--image-name and --image-archive are both set",
                hint="Name the image once; unset the other option and its variable.",
            )
        flag = "--image-name" if self.image_name else "--image-archive"
        if self.requested is Request.DAGS:
            raise ConfigurationError(
                f"{flag} names an image, and {self.requested_as or '--type dags'} deploys none",
                hint=f"Leave out {flag}, or use --type auto, image-and-dags or image.",
            )
        building: dict[str, object] = {
            "--build-arg": self.build_args,
            "--build-secret": self.build_secrets,
            "--image-paths": self.image_paths,
            "--dockerfile": self.dockerfile != DOCKERFILE,
            "--target": self.target,
            "--builder": self.builder,
            "--cache-from": self.cache_from,
            "--cache-to": self.cache_to,
        }
        if self.fast in ("require", "verify"):
            building["--fast"] = (self.fast,)
        if useless := [other for other, values in building.items() if values]:
            raise ConfigurationError(
                f"{flag} deploys an image that is built already, and {useless[0]} is for building "
                "one",
                hint=f"Give {useless[0]} to the command that builds the image, or leave out "
                f"{flag} to have the image built here.",
            )

    @property
    def build_inputs(self) -> Sequence[str]:
        """The inputs of the image, besides files and build arguments; empty for a usual build."""
        found = []
        if self.dockerfile != DOCKERFILE:
            found.append(f"--dockerfile {self.dockerfile}")
        if self.target:
            # BuildKit ignores upper and lower case in names of stages.
            found.append(f"--target {self.target.lower()}")
        return tuple(found)

    @property
    def is_prebuilt(self) -> bool:
        """Whether the deploy uses a prebuilt image."""
        return bool(self.image_name or self.image_archive)

    @property
    def tests(self) -> str:
        """The path that pytest runs; empty for no tests."""
        if self.pytest == "false":
            return ""
        named = self.pytest if self.pytest not in (None, "true") else self.pytest_file
        return named or (DEFAULT_TESTS if self.pytest else "")


@cache
def options() -> Sequence[Option]:
    """Return the rows of the table, in the order of the documentation."""
    return tuple(rows_of(Config))
