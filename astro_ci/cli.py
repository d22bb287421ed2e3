"""The command line: options in, exit codes out. The only reader of the process's environment."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import click

from astro_ci import __version__
from astro_ci.commands import SUMMARIES
from astro_ci.errors import (
    AstroCIError,
    BugError,
    CancelledError,
    ConfigurationError,
    of_the_disk,
)
from astro_ci.terminal.group import LazyGroup
from astro_ci.terminal.session import Session
from astro_ci.terminal.uncaught import tell_uncaught


@click.group(
    cls=LazyGroup,
    package="astro_ci.commands",
    summaries=SUMMARIES,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "max_content_width": 100,
    },
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


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run a command and exit with its code; whatever goes wrong is told in full."""
    _open_streams()
    words = sys.argv[1:] if arguments is None else arguments
    # Known before the arguments are parsed, as parsing them may be what fails.
    # GitPython would end the process where git is missing, which we tell in our own words.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    session = Session(dict(os.environ), as_json="--json" in words)
    tell_uncaught(lambda text: session.console.say(text))
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
        session.console.say(traceback.format_exc().rstrip())
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


def _usage_error(error: click.ClickException) -> ConfigurationError:
    """What is wrong with the arguments, in our own form."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "astro-ci"
    return ConfigurationError(error.format_message(), hint=f"See `{command} --help`.")
