"""The command line: options in, exit codes out. The only reader of the process's environment."""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import click

from astro_ci import __version__
from astro_ci.errors import AstroCIError, CancelledError, ConfigurationError

# What git sets for its hooks would point every git command at the wrong repository.
_HOOK_VARIABLES = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_PREFIX"),
)


_F = TypeVar("_F", bound=Callable[..., Any])


class _Lines(click.ParamType[str]):
    """Text whose environment variable holds one value a line."""

    name = "text"
    envvar_list_splitter = "\n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take the text as it is."""
        return str(value)


class _Duration(click.ParamType[float]):
    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read `10m`."""
        from astro_ci.config import parse_duration

        return value if isinstance(value, float) else parse_duration(str(value))


def _option(
    flag: str, *others: str, env: tuple[str, ...] = (), **settings: Any
) -> Callable[[_F], _F]:
    """An option with the environment variable of the same stem, and others that users know."""
    stem = flag.split("/")[0].removeprefix("--").replace("-", "_").upper()
    names = [f"ASTRO_CI_{stem}", *env]
    return click.option(flag, *others, envvar=names, show_envvar=True, **settings)


_PLAN_OPTIONS = (
    _option(
        "--project",
        type=click.Path(path_type=Path),
        default=Path(),
        help="The Astro project's directory.",
    ),
    _option("--dags-path", default="dags", help="The DAGs directory, relative to the project."),
    _option(
        "--deployment-id",
        env=("ASTRO_DEPLOYMENT_ID", "ASTRONOMER_DEPLOYMENT_ID", "DEPLOYMENT_ID"),
        help="The Deployment to bring up to date.",
    ),
    _option("--deployment-name", help="The Deployment by its exact name, which must be unique."),
    _option("--workspace-id", env=("ASTRO_WORKSPACE_ID",), help="Where to look for the name."),
    _option("--organization-id", env=("ASTRO_ORGANIZATION_ID",), help="Taken from the token."),
    _option(
        "--type",
        "requested",
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
    _option(
        "--ignore",
        multiple=True,
        type=_Lines(),
        metavar="GLOB",
        help="Changes that matter to none.",
    ),
    _option(
        "--image-paths",
        multiple=True,
        type=_Lines(),
        metavar="GLOB",
        help="Files that shape the image, wherever they are in the repository.",
    ),
    _option(
        "--build-arg",
        multiple=True,
        type=_Lines(),
        metavar="NAME=VALUE",
        help="A build argument of the image.",
    ),
    _option("--force/--no-force", default=False, help="Deploy even when nothing changed."),
    _option(
        "--skip-unchanged/--no-skip-unchanged",
        default=False,
        help="Let an explicit --type skip when nothing changed.",
    ),
    _option(
        "--allow-older/--no-allow-older",
        default=False,
        help="Deploy even if a newer commit is already running.",
    ),
    _option(
        "--allow-shrink/--no-allow-shrink",
        default=False,
        help="Deploy even if that removes all or most DAG files.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
)
_DEPLOY_OPTIONS = (
    _option(
        "--build-secret",
        multiple=True,
        type=_Lines(),
        metavar="id=NAME,env=VARIABLE",
        help="A secret for the build, as `docker build --secret` takes it.",
    ),
    _option("--description", default="", help="Shown in Astro's deploy history."),
    _option("--wait/--no-wait", default=True, help="Wait until the deploy is live."),
    _option(
        "--wait-time", "wait_seconds", type=_Duration(), default="10m", help="How long to wait."
    ),
    _option("--dry-run/--no-dry-run", default=False, help="Stop after the plan."),
)


def _with(options: tuple[Any, ...]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        return functools.reduce(lambda f, option: option(f), reversed(options), function)

    return decorate


@click.group(
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "max_content_width": 100,
    }
)
@click.version_option(
    __version__, "-V", "--version", prog_name="astro-ci", message="%(prog)s %(version)s"
)
@click.option("-v", "--verbose", is_flag=True, envvar="ASTRO_CI_VERBOSE", help="Say more.")
@click.pass_obj
@click.pass_context
def cli(ctx: click.Context, session: _Session, /, verbose: bool) -> None:
    """Deploy Apache Airflow projects to Astro from CI.

    Compares the checkout with what is running, deploys only DAGs or the full image, and says why.
    """
    session.is_verbose = verbose
    session.has_outcome = ctx.invoked_subcommand == "deploy"


@cli.command()
@_with(_PLAN_OPTIONS)
@click.pass_obj
def plan(session: _Session, /, as_json: bool, **options: Any) -> None:
    """Say what would be deployed, and why. Changes nothing."""
    from astro_ci.commands.plan import plan as make_plan
    from astro_ci.render import as_json as to_json
    from astro_ci.render import plan_document, plan_text

    session.start(as_json=as_json)
    found = make_plan(_config(options), session.env, interactive=session.is_interactive)
    session.emit(to_json(plan_document(found)) if as_json else plan_text(found))


@cli.command()
@_with(_PLAN_OPTIONS + _DEPLOY_OPTIONS)
@click.pass_obj
def deploy(session: _Session, /, as_json: bool, **options: Any) -> None:
    """Bring a Deployment to what is checked out: plan, then do it."""
    from astro_ci.commands.deploy import deploy as run_deploy
    from astro_ci.render import as_json as to_json
    from astro_ci.render import plan_text, result_document, result_text

    session.start(as_json=as_json)

    def show(found: Any) -> None:
        session.plan = found
        session.console.say(plan_text(found))

    _stop_on_signals()
    result = run_deploy(
        _config(options),
        session.env,
        console=session.console,
        on_plan=show,
        interactive=session.is_interactive,
    )
    _ignore_signals()
    session.report(result)
    session.emit(to_json(result_document(result)) if as_json else result_text(result))


@cli.command()
@_option("--data", type=click.Path(path_type=Path), help="Keep the state in this directory.")
@_option("--port", type=int, default=8888, help="0 takes a free one.")
@_option(
    "--rollout-seconds", type=float, default=2.0, help="How long a deploy takes to become live."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
@click.pass_obj
def sandbox(session: _Session, /, as_json: bool, **options: Any) -> None:
    """Start a local Astro and print the variables that point a pipeline at it."""
    from astro_ci.commands.sandbox import sandbox as serve

    session.start(as_json=as_json)
    _stop_on_signals()
    try:
        serve(**options, as_json=as_json, emit=session.emit)
    except KeyboardInterrupt:  # how it is meant to end
        return


@cli.command()
@click.option("--keep", is_flag=True, help="Leave the project of the demo behind.")
@click.pass_obj
def demo(session: _Session, /, keep: bool) -> None:
    """Walk through first deploy, DAG change, image change and a failed deploy, on a sandbox."""
    from astro_ci.commands.demo import demo as run_demo

    _stop_on_signals()
    run_demo(session.env, emit=session.emit, keep=keep)


class _Session:
    """One invocation: its environment, its streams, and what is known when it fails."""

    def __init__(self, env: Mapping[str, str], *, as_json: bool) -> None:
        self.env = env
        self.as_json = as_json
        self.has_outcome = False
        self.is_verbose = False
        self.plan: Any = None
        self.is_interactive = sys.stdin.isatty() and sys.stderr.isatty()

    @functools.cached_property
    def dialect(self) -> Any:
        """How to speak to this CI system's log."""
        from astro_ci.ci import detect, dialect_for

        return dialect_for(detect(self.env).key, env=self.env, out=sys.stderr)

    @functools.cached_property
    def console(self) -> Any:
        """Standard error, for people."""
        from astro_ci.console import Console

        is_live = sys.stderr.isatty() and not self.env.get("CI")
        return Console(sys.stderr, self.dialect, is_live=is_live)

    def start(self, *, as_json: bool) -> None:
        """Begin a command: from here on, what the adapters log is shown."""
        from astro_ci.console import LogHandler

        self.as_json = as_json
        log = logging.getLogger("astro_ci")
        log.setLevel(logging.DEBUG if self.is_verbose else logging.INFO)
        log.addHandler(LogHandler(self.console))

    def emit(self, text: str) -> None:
        """Print a result."""
        click.echo(text)

    def report(self, result: Any) -> None:
        """Hand the result to later steps of the pipeline."""
        for name, value in (
            ("outcome", result.outcome),
            ("deploy-type", result.plan.deploy_type.value),
            ("reason", result.plan.reason),
            ("deploy-id", result.deploy_id),
            ("image-tag", result.image_tag),
            ("bundle-version", result.bundle_version),
            ("url", result.url),
        ):
            self.dialect.set_output(name, value)

    def fail(self, error: AstroCIError) -> int:
        """Say what went wrong, where people look and where programs do."""
        from astro_ci.render import as_json, error_document
        from astro_ci.text import sentence

        hint = sentence(error.hint)
        if self.dialect.has_annotations:  # which stand in the log too
            self.dialect.annotate("error", f"{error.message}\n{hint}".strip())
        else:
            self.console.say(f"error: {error.message}")
            if hint:
                self.console.say(f"hint: {hint}")
        if self.has_outcome:
            self.dialect.set_output("outcome", "failed")
            self.dialect.set_output("deploy-id", error.deploy_id)
            self.console.say("outcome: failed")
        if self.as_json:
            self.emit(as_json(error_document(error, self.plan, outcome=self.has_outcome)))
        return error.exit_code


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code; an exception that is none of ours is a bug."""
    for name in _HOOK_VARIABLES:
        os.environ.pop(name, None)
    for stream in (sys.stdout, sys.stderr):
        # A name that the locale cannot spell must not end a deploy.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    given = sys.argv[1:] if arguments is None else arguments
    # Known before the arguments are parsed, as parsing them may be what fails.
    session = _Session(dict(os.environ), as_json="--json" in given)
    try:
        cli.main(args=given, standalone_mode=False, prog_name="astro-ci", obj=session)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        sys.exit(session.fail(_usage_error(error)))
    except AstroCIError as error:
        sys.exit(session.fail(error))
    except (KeyboardInterrupt, click.Abort) as stop:
        # click turns the one into the other.
        number = getattr(stop.__cause__ or stop, "signal_number", signal.SIGINT)
        name = signal.Signals(number).name
        sys.exit(session.fail(CancelledError(f"cancelled by {name}", signal_number=number)))
    sys.exit(0)


def _config(options: dict[str, Any]) -> Any:
    from astro_ci.config import BASE_WORDS, TYPE_WORDS, Config

    words = [options.pop("requested")]
    shortcuts = [name for name in ("dags", "image") if options.pop(name)]
    if shortcuts and (len(shortcuts) == 2 or words != ["auto"]):
        raise ConfigurationError(
            "--type, --dags and --image say different things", hint="Use one of them."
        )
    word = (shortcuts or words)[0]
    if word not in TYPE_WORDS:
        raise ConfigurationError(
            f"--type is {word!r}, which is not a deploy type",
            hint=f"Use one of {', '.join(TYPE_WORDS)}.",
        )
    # ASTRO_CI_BASE may also hold a commit of the CI event; those come with what CI says.
    mode = os.environ.get("ASTRO_CI_BASE", "")
    base = options.pop("base") or (mode if mode in BASE_WORDS else "auto")
    renamed = {"build_arg": "build_args", "build_secret": "build_secrets"}
    values = {renamed.get(name, name): value for name, value in options.items()}
    for name, value in values.items():
        if isinstance(value, tuple):
            values[name] = tuple(item.strip() for item in value if item.strip())
    return Config(**values, requested=TYPE_WORDS[word], base=base)


def _usage_error(error: click.ClickException) -> ConfigurationError:
    """What is wrong with the arguments, in our own form."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "astro-ci"
    return ConfigurationError(error.format_message(), hint=f"See `{command} --help`.")


def _ignore_signals() -> None:
    """What was done is done, and only has to be told."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _stop_on_signals() -> None:
    """Turn a cancelled job's signals into an exception, once: a second one ends us at once."""
    from astro_ci.commands.deploy import Stopped

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
