"""The options of the command line: their flags, variables, defaults and help."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from astro_ci.errors import ConfigurationError

_F = TypeVar("_F", bound=Callable[..., Any])


class _Lines(click.ParamType[str]):
    """Text whose environment variable holds one value a line."""

    name = "text"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the text as it is."""
        return str(value)


class _Boolean(click.types.BoolParamType):
    """A flag whose environment variable says true, false, yes, no, 1 or 0, and nothing else."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        """Read the variable; flags come as booleans."""
        from astro_ci.configuration.config import parse_boolean

        if isinstance(value, bool):
            return value
        try:
            return parse_boolean("the value", str(value))
        except ConfigurationError as error:
            self.fail(f"{error.message}. {error.hint}", param, ctx)


class _Type(click.ParamType[Any]):
    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a deploy type's word."""
        from astro_ci.configuration.config import parse_type

        return parse_type("--type", str(value))


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read `10m`."""
        from astro_ci.configuration.config import parse_duration

        return value if isinstance(value, float) else parse_duration(str(value))


def option(
    flag: str, *others: str, env: tuple[str, ...] = (), **settings: Any
) -> Callable[[_F], _F]:
    """An option with the environment variable of the same stem, and others that users know."""
    stem = flag.split("/")[0].removeprefix("--").replace("-", "_").upper()
    names = [f"ASTRO_CI_{stem}", *env]
    return click.option(flag, *others, envvar=names, show_envvar=True, **settings)


_PROJECT = option(
    "--project",
    type=click.Path(path_type=Path),
    default=Path(),
    help="The Astro project's directory.",
)
_IDENTITY = (
    option(
        "--deployment-id",
        env=("ASTRO_DEPLOYMENT_ID", "ASTRONOMER_DEPLOYMENT_ID", "DEPLOYMENT_ID"),
        help="The Deployment to bring up to date.",
    ),
    option(
        "--deployment-name",
        help="The Deployment by its exact name, which must be unique, or its key in the file.",
    ),
    option("--workspace-id", env=("ASTRO_WORKSPACE_ID",), help="Where to look for the name."),
    option(
        "--organization-id",
        env=("ASTRO_ORGANIZATION_ID",),
        help="The Organization; read from the token by default.",
    ),
)
TARGET_OPTIONS = (_PROJECT, *_IDENTITY)
PLAN_OPTIONS = (
    _PROJECT,
    option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration file; else the nearest astro-ci.yaml, from the project upward.",
    ),
    option("--dags-path", default="dags", help="The DAGs directory, relative to the project."),
    *_IDENTITY,
    option(
        "--type",
        "requested",
        type=_Type(),
        default="auto",
        metavar="auto|dags|image-and-dags|image",
        help="What to deploy; auto deploys what changed. Also: infer, dags-only, image-only.",
    ),
    click.option("--dags", "dags", is_flag=True, help="The same as --type dags."),
    click.option("--image", "image", is_flag=True, help="The same as --type image."),
    click.option(
        "--base",
        default=None,
        metavar="auto|deployed|event|REF",
        help="What to compare with; auto is what runs.  [env var: ASTRO_CI_BASE]",
    ),
    option(
        "--ignore",
        multiple=True,
        type=_Lines(),
        metavar="GLOB",
        help="Changed files to ignore, as globs.",
    ),
    option(
        "--image-paths",
        multiple=True,
        type=_Lines(),
        metavar="GLOB",
        help="Files that shape the image, wherever they are in the repository.",
    ),
    option(
        "--build-arg",
        "build_args",
        multiple=True,
        type=_Lines(),
        metavar="NAME=VALUE",
        help="A build argument of the image.",
    ),
    option(
        "--force/--no-force",
        type=_Boolean(),
        default=False,
        help="Deploy even when nothing changed.",
    ),
    option(
        "--skip-unchanged/--no-skip-unchanged",
        type=_Boolean(),
        default=False,
        help="Let an explicit --type skip when nothing changed.",
    ),
    option(
        "--allow-older/--no-allow-older",
        type=_Boolean(),
        default=False,
        help="Deploy even if a newer commit is already running.",
    ),
    option(
        "--allow-shrink/--no-allow-shrink",
        type=_Boolean(),
        default=False,
        help="Deploy even if that removes all or most DAG files.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)
DEPLOY_OPTIONS = (
    option(
        "--build-secret",
        "build_secrets",
        multiple=True,
        type=_Lines(),
        metavar="id=NAME,env=VARIABLE",
        help="A secret for the build, as `docker build --secret` takes it.",
    ),
    option("--description", default="", help="Shown in Astro's deploy history."),
    option(
        "--wait/--no-wait", type=_Boolean(), default=True, help="Wait until the deploy is live."
    ),
    option(
        "--wait-time", "wait_seconds", type=_Duration(), default="10m", help="How long to wait."
    ),
    option("--dry-run/--no-dry-run", type=_Boolean(), default=False, help="Stop after the plan."),
)


def with_options(options: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Decorate a command with options, which `--help` lists in this order."""

    def decorate(function: Any) -> Any:
        return functools.reduce(lambda f, add: add(f), reversed(options), function)

    return decorate


CHECK_OPTIONS = (
    _PROJECT,
    option("--dags-path", default="dags", help="The DAGs directory, relative to the project."),
    option("--image-name", default="", help="Check in this image, which the engine must have."),
    option(
        "--runner",
        type=click.Choice(("auto", "docker", "local")),
        default="auto",
        help="Where Airflow is: in the image, or in this job; auto takes the image if it is named.",
    ),
    option("--python", default="", help="The Python interpreter that has Airflow."),
    option(
        "--env-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Variables for the DAG files and tests; else the project's .env, if there is one.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)
PARSE_OPTIONS = (
    option(
        "--set-variable",
        "variables",
        multiple=True,
        type=_Lines(),
        metavar="NAME=VALUE",
        help="An Airflow Variable that DAG files read; others have made-up values.",
    ),
    option(
        "--max-parse-seconds",
        type=click.FloatRange(min=0, min_open=True),
        help="The time limit for a DAG file; else Airflow's own, 30 unless configured.",
    ),
    option(
        "--allow-no-dags/--no-allow-no-dags",
        type=_Boolean(),
        default=False,
        help="Let a project without a DAG pass.",
    ),
)
JUNIT_XML = option(
    "--junit-xml",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write pytest's JUnit report to this file.",
)

DETAILED_EXITCODE = option(
    "--detailed-exitcode/--no-detailed-exitcode",
    type=_Boolean(),
    default=False,
    help="Exit with 2 when there is something to deploy, 0 when not.",
)
FAIL_ON_SKIP = option(
    "--fail-on-skip/--no-fail-on-skip",
    type=_Boolean(),
    default=False,
    help="Exit with 10 when a Deployment was skipped.",
)
COMMENT = option(
    "--comment/--no-comment",
    type=_Boolean(),
    default=False,
    help="Keep one comment on the pull or merge request up to date.",
)
