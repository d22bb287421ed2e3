"""The command line: options in, exit codes out. The only reader of the process's environment."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from astro_ci import __version__
from astro_ci.errors import (
    AstroCIError,
    BugError,
    CancelledError,
    ConfigurationError,
    of_the_disk,
)
from astro_ci.reporting.redact import redact
from astro_ci.terminal.options import (
    COMMENT,
    DEPLOY_OPTIONS,
    DETAILED_EXITCODE,
    FAIL_ON_SKIP,
    PLAN_OPTIONS,
    TARGET_OPTIONS,
    given,
    option,
    with_options,
)
from astro_ci.terminal.session import Session
from astro_ci.terminal.signals import ignore_signals, stop_on_signals

if TYPE_CHECKING:  # each command loads what it needs
    from astro_ci.deploying.several import Ending
    from astro_ci.doctor import Check
    from astro_ci.model import Plan


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
def cli(ctx: click.Context, session: Session, /, verbose: bool) -> None:
    """Deploy Apache Airflow projects to Astro from CI.

    Compares the checkout with what is running, deploys only DAGs or the full image, and says why.
    """
    session.is_verbose = verbose
    session.verb = ctx.invoked_subcommand or ""


@cli.command()
@with_options((*PLAN_OPTIONS, DETAILED_EXITCODE, COMMENT))
@click.pass_obj
@click.pass_context
def plan(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    comment: bool,
    config_file: Path | None,
    detailed_exitcode: bool,
    **_options: Any,
) -> int:
    """Say what would be deployed, and why. Changes nothing."""
    from astro_ci.deploying.several import (
        each,
        exit_code,
        only_error,
        plans_document,
        plans_text,
    )
    from astro_ci.reporting.text import as_json as to_json
    from astro_ci.survey.plan import plan_target

    session.start(as_json=as_json)
    check_stopped = stop_on_signals()
    choice = session.find(ctx, config_file, deploys=False).choice

    def act(ending: Ending) -> None:
        ending.plan = plan_target(ending.target, session.env, interactive=session.is_interactive)
        check_stopped()

    endings = each(choice.targets, act, session.explain)
    session.report(endings, choice.reason, comment=comment)
    if error := only_error(endings):
        raise error
    if as_json:
        session.emit(to_json(plans_document(endings, choice.reason)))
    else:
        session.show(plans_text(endings, choice.reason))
    return exit_code(endings, detailed=detailed_exitcode)


@cli.command()
@with_options((*PLAN_OPTIONS, *DEPLOY_OPTIONS, FAIL_ON_SKIP, COMMENT))
@click.pass_obj
@click.pass_context
def deploy(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    comment: bool,
    config_file: Path | None,
    fail_on_skip: bool,
    **_options: Any,
) -> int:
    """Bring each Deployment that is meant to what is checked out: plan, then do it."""
    from astro_ci.deploying.deploy import deploy as run_deploy
    from astro_ci.deploying.several import (
        each,
        exit_code,
        only_error,
        results_document,
        results_text,
    )
    from astro_ci.reporting.text import as_json as to_json
    from astro_ci.reporting.text import plan_text

    session.start(as_json=as_json)
    check_stopped = stop_on_signals()
    choice = session.find(ctx, config_file, deploys=True).choice

    def act(ending: Ending) -> None:
        def show(found: Plan) -> None:
            session.plan = ending.plan = found
            session.console.say(plan_text(found))
            check_stopped()

        if len(choice.targets) > 1:
            session.console.say(f"--- {ending.target.label}")
        ending.result = run_deploy(
            ending.target.config,
            session.env,
            console=session.console,
            on_plan=show,
            interactive=session.is_interactive,
        )

    endings = each(choice.targets, act, session.explain)
    ignore_signals()
    session.report(endings, choice.reason, comment=comment)
    if error := only_error(endings):
        raise error
    if any(ending.error for ending in endings):
        session.console.say("outcome: failed")
    if as_json:
        session.emit(to_json(results_document(endings, choice.reason)))
    else:
        session.show(results_text(endings, choice.reason))
    return exit_code(endings, fails_on_skip=fail_on_skip)


@cli.command()
@with_options((*PLAN_OPTIONS, *DEPLOY_OPTIONS))
@click.option("--schema", "show_schema", is_flag=True, help="Print the file's JSON Schema.")
@click.pass_obj
@click.pass_context
def config(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    config_file: Path | None,
    show_schema: bool,
    **_options: Any,
) -> None:
    """Show the options that hold, and where each came from: flag, variable, file or default."""
    from astro_ci.reporting.settings import SCHEMA_FILE, config_document, config_text
    from astro_ci.reporting.text import as_json as to_json

    session.start(as_json=as_json)
    if show_schema:
        session.emit(SCHEMA_FILE.read_text().rstrip())
        return
    found = session.find(ctx, config_file, deploys=True)
    if as_json:
        session.emit(to_json(config_document(found)))
    else:
        session.show(config_text(found))


@cli.command()
@with_options(PLAN_OPTIONS)
@click.pass_obj
@click.pass_context
def doctor(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    config_file: Path | None,
    **_options: Any,
) -> int:
    """Check whether a deploy would work here, and say what has to change. Changes nothing."""
    from astro_ci.doctor import document, examine, exit_code, lines
    from astro_ci.reporting.text import as_json as to_json

    session.start(as_json=as_json, quiet=True)
    checks = []

    def remembered() -> Iterator[Check]:
        for check in examine(
            given(ctx, session.env),
            session.env,
            config_file=config_file,
            interactive=session.is_interactive,
        ):
            checks.append(check)
            yield check

    for line in lines(remembered()):
        if not as_json:
            session.show(line)
    if as_json:
        session.emit(to_json(document(checks)))
    return exit_code(checks)


@cli.command()
@with_options(TARGET_OPTIONS)
@option("--ci", metavar="NAME", help="The CI system; told from the repository, when it can be.")
@option("--branch", help="The branch that is deployed; else the repository's default branch.")
@click.option("--print", "--dry-run", "print_only", is_flag=True, help="Show, and write nothing.")
@click.pass_obj
@click.pass_context
def init(
    ctx: click.Context,
    session: Session,
    /,
    ci: str | None,
    branch: str | None,
    print_only: bool,
    **_options: Any,
) -> None:
    """Write the pipeline file and astro-ci.yaml for this repository. Overwrites nothing."""
    from astro_ci.configuration.config import Config
    from astro_ci.pipelines import adopt, adoption_text

    session.start(as_json=False, quiet=True)
    said = {name: setting.value for name, setting in given(ctx, session.env).items()}
    project = said.pop("project", None)
    made = adopt(
        Config(**said),
        session.env,
        project=project,
        ci=ci or None,
        branch=branch or None,
        ask=_ask if session.is_interactive else None,
        print_only=print_only,
    )
    session.show(adoption_text(made))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def env(session: Session, /, as_json: bool) -> None:
    """Show what the CI system says about this run, and which variable says it."""
    from astro_ci.ci import detect
    from astro_ci.reporting.environment import env_document, env_text
    from astro_ci.reporting.text import as_json as to_json

    session.start(as_json=as_json)
    found = detect(session.env)
    if as_json:
        session.emit(to_json(env_document(found)))
    else:
        session.show(env_text(found))


@cli.command()
@option("--data", type=click.Path(path_type=Path), help="Keep the state in this directory.")
@option("--port", type=int, default=8888, help="0 takes a free one.")
@option(
    "--rollout-seconds", type=float, default=2.0, help="How long a deploy takes to become live."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
@click.pass_obj
def sandbox(session: Session, /, as_json: bool, **options: Any) -> None:
    """Start a local Astro and print the variables that point a pipeline at it."""
    from astro_ci.commands.sandbox import sandbox as serve

    session.start(as_json=as_json)
    stop_on_signals()
    try:
        serve(**options, as_json=as_json, emit=session.emit)
    except KeyboardInterrupt:  # how it is meant to end
        return


@cli.command()
@click.option("--keep", is_flag=True, help="Leave the project of the demo behind.")
@click.pass_obj
def demo(session: Session, /, keep: bool) -> None:
    """Walk through first deploy, DAG change, image change and a failed deploy, on a sandbox."""
    from astro_ci.demo.story import demo as run_demo

    stop_on_signals()
    run_demo(session.env, emit=session.emit, keep=keep)


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code; whatever goes wrong is told in full."""
    _open_streams()
    words = sys.argv[1:] if arguments is None else arguments
    # Known before the arguments are parsed, as parsing them may be what fails.
    # GitPython would end the process where git is missing, which we tell in our own words.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    session = Session(dict(os.environ), as_json="--json" in words)
    try:
        code = cli.main(args=words, standalone_mode=False, prog_name="astro-ci", obj=session)
    except click.ClickException as error:
        if words:
            sys.exit(session.fail(_usage_error(error)))
        error.show()  # the help
        sys.exit(error.exit_code)
    except AstroCIError as error:
        sys.exit(session.fail(error))
    except (KeyboardInterrupt, click.Abort) as stop:
        # click turns the one into the other.
        number = getattr(stop.__cause__ or stop, "signal_number", signal.SIGINT)
        name = signal.Signals(number).name
        sys.exit(session.fail(CancelledError(f"cancelled by {name}", signal_number=number)))
    except Exception as error:  # of which nothing may be lost
        if known := of_the_disk(error):
            sys.exit(session.fail(known))
        session.console.say(redact(traceback.format_exc().rstrip(), session.env))
        sys.exit(session.fail(BugError(error)))
    sys.exit(code)


def _open_streams() -> None:
    """See that there are some: a job may have closed them, and who opens a file then gets one."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A name that the locale cannot spell must not end a deploy.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _ask(question: str, *, default: str = "", choices: Sequence[str] = ()) -> str:
    """Ask on the terminal; of choices, the number or the words."""
    from astro_ci.text import printable

    for number, choice in enumerate(choices, 1):
        click.echo(f"  {number}. {printable(choice)}", err=True)
    numbers = {str(number): choice for number, choice in enumerate(choices, 1)}
    while True:
        answer: str = click.prompt(printable(question), default=default or None, err=True).strip()
        answer = numbers.get(answer, answer)
        if answer and (not choices or answer in choices):
            return answer


def _usage_error(error: click.ClickException) -> ConfigurationError:
    """What is wrong with the arguments, in our own form."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "astro-ci"
    return ConfigurationError(error.format_message(), hint=f"See `{command} --help`.")
