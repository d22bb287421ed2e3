"""The command line's options, and what was given for them: by a flag or by a variable."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from astro_ci.errors import ConfigurationError

if TYPE_CHECKING:  # `--help` is quicker without
    from astro_ci.configuration.keys import Setting, Settings

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
    option("--organization-id", env=("ASTRO_ORGANIZATION_ID",), help="Taken from the token."),
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
        help="Changes that matter to none.",
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
_FOR_THE_COMMAND_LINE = {
    *("as_json", "branch", "ci", "comment", "config_file", "print_only"),
    *("detailed_exitcode", "fail_on_skip", "show_schema"),
}
_SAID = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


def given(ctx: click.Context, env: Mapping[str, str]) -> Settings:
    """What flags and variables say, by field of Config; an empty variable says nothing.

    Raises ConfigurationError when flags contradict each other.
    """
    from astro_ci.configuration.config import BASE_WORDS
    from astro_ci.configuration.keys import Setting

    found = {}
    for param in ctx.command.params:
        name = str(param.name)
        source = ctx.get_parameter_source(name)
        if name in _FOR_THE_COMMAND_LINE or source not in _SAID:
            continue
        value = ctx.params[name]
        if type(value) is str:  # and no choice
            value = value.strip()  # as a secret or a variable was pasted
        if isinstance(value, tuple):
            value = tuple(item.strip() for item in value if item.strip())
        is_flag = source is ParameterSource.COMMANDLINE
        if is_flag or value not in ((), ""):
            found[name] = Setting(value=value, source=_source(param, value, env, is_flag=is_flag))
    _take_shortcut(found)
    _let_flag_name_deployment(found)
    # ASTRO_CI_BASE may also hold a commit of the CI event; those come with what CI says.
    mode = env.get("ASTRO_CI_BASE", "").strip().lower()
    if mode in BASE_WORDS and "base" not in found:
        found["base"] = Setting(value=mode, source="ASTRO_CI_BASE")
    return found


def _let_flag_name_deployment(found: dict[str, Setting]) -> None:
    """Drop a variable that names a Deployment when a flag names one in the other way."""
    names = {"deployment_id", "deployment_name"}
    flags = {name for name in names & found.keys() if found[name].source.startswith("--")}
    if len(flags) == 1:
        for name in names - flags:
            found.pop(name, None)


def _source(param: click.Parameter, value: Any, env: Mapping[str, str], *, is_flag: bool) -> str:
    """The flag or the variable that gave a value."""
    if is_flag:
        return param.secondary_opts[0] if value is False else param.opts[0]
    names = [param.envvar] if isinstance(param.envvar, str) else param.envvar or ()
    return next(name for name in names if env.get(name))


def _take_shortcut(found: dict[str, Setting]) -> None:
    """Let --dags and --image stand for --type."""
    from astro_ci.configuration.config import TYPE_WORDS
    from astro_ci.configuration.keys import Setting
    from astro_ci.model import Request

    said = found.get("requested")
    has_type = said is not None and said.source == "--type" and said.value is not Request.AUTO
    shortcuts = [name for name in ("dags", "image") if found.pop(name, None)]
    if shortcuts and (len(shortcuts) == 2 or has_type):
        raise ConfigurationError(
            "--type, --dags and --image say different things", hint="Use one of them."
        )
    for name in shortcuts:
        found["requested"] = Setting(value=TYPE_WORDS[name], source=f"--{name}")
