"""The command line: options in, exit codes out. The only reader of the process's environment."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from astro_ci import __version__
from astro_ci.commands import EXAMPLES, HEADINGS, SUMMARIES
from astro_ci.errors import (
    AstroCIError,
    BugError,
    ConfigurationError,
    of_the_disk,
)
from astro_ci.terminal.group import LazyGroup
from astro_ci.terminal.session import Session
from astro_ci.terminal.signals import Signals
from astro_ci.terminal.uncaught import tell_uncaught
from astro_ci.terminal.verbosity import verbosity


@click.group(
    cls=LazyGroup,
    package="astro_ci.commands",
    summaries=SUMMARIES,
    headings=HEADINGS,
    examples=EXAMPLES,
    params=[*verbosity()],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "max_content_width": 100,
    },
)
@click.version_option(
    __version__, "-V", "--version", prog_name="astro-ci", message="%(prog)s %(version)s"
)
def cli() -> None:
    """Deploy Apache Airflow projects to Astro from CI.

    Compares the checkout with what is running, deploys only DAGs or the full image, and says why.
    """


def run(arguments: list[str] | None = None, *, signals: Signals | None = None) -> NoReturn:
    """Run a command and exit with its code; report whatever goes wrong.

    With `signals` that are installed, a cancelled job ends in good order.
    """
    _open_streams()
    words = sys.argv[1:] if arguments is None else arguments
    # Known before the arguments are parsed, as parsing them may be what fails.
    verb = next((word for word in words if not word.startswith("-")), "")
    signals = signals or Signals()
    session = Session(dict(os.environ), signals, verb=verb, as_json="--json" in words)
    session.words = words
    session.has_detailed_exitcode = verb == "plan" and "--detailed-exitcode" in words
    signals.tell, signals.clean_up = session.tell_instead, session.close
    # Without git, GitPython would end the process; astro-ci reports that itself.
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    _trust_as_openssl(session.env)
    tell_uncaught(lambda text: session.console.tell(text))
    if verb in ("deploy", "plan"):
        session.fork_reader()  # before there are threads
        session.connect_early()
    try:
        code = _attempt(session, words)
    finally:  # click ends the process itself when nobody reads the result any more
        session.close()
        signals.ignore()
    sys.exit(code)


def _attempt(session: Session, words: list[str]) -> int:
    """Run a command, report its failure if there is one, and return the exit code."""
    try:
        with session.signals:
            return cli.main(words, standalone_mode=False, prog_name="astro-ci", obj=session) or 0
    except click.ClickException as error:
        if not isinstance(error, click.exceptions.NoArgsIsHelpError):
            return session.fail(_usage_error(error))
        error.show()  # the help
        return error.exit_code
    except AstroCIError as error:
        return session.fail(error)
    except (KeyboardInterrupt, click.Abort):  # click turns the one into the other
        return session.fail(session.cancelled(session.signals.stopped_by or signal.SIGINT))
    except Exception as error:  # of which nothing may be lost
        if session.signals.stopped_by:  # what a library makes of the signal's exception
            return session.fail(session.cancelled(session.signals.stopped_by))
        if known := of_the_disk(error):
            return session.fail(known)
        session.console.tell(traceback.format_exc().rstrip())
        return session.fail(BugError(error))


def _trust_as_openssl(env: Mapping[str, str]) -> None:
    """Let SSL_CERT_FILE count, which OpenSSL and other tools read, and requests does not."""
    own = env.get("REQUESTS_CA_BUNDLE") or env.get("CURL_CA_BUNDLE")
    found = env.get("SSL_CERT_FILE", "")
    if not own and found and Path(found).is_file():
        os.environ["REQUESTS_CA_BUNDLE"] = found


def _open_streams() -> None:
    """Make sure that the standard streams exist.

    A job may have closed them; the next file that is opened would then become one of them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # A name that the locale cannot spell must not end a deploy.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _usage_error(error: click.ClickException) -> ConfigurationError:
    """Turn click's error about the arguments into a ConfigurationError."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "astro-ci"
    message = error.format_message()
    hints = [_meant(message, command.rpartition(" ")[2]), f"See `{command} --help`."]
    return ConfigurationError(message, hint=" ".join(filter(None, hints)))


def _meant(message: str, verb: str) -> str:
    """Guess what was meant by a word that no command takes; empty when there is no telling."""
    if "unexpected extra argument" in message and verb in ("plan", "deploy", "doctor"):
        return "Name a Deployment with --deployment-name or --deployment-id."
    from difflib import get_close_matches

    from astro_ci.commands import deployment

    unknown = message.removeprefix("No such command '").rstrip("'.")
    if unknown == message:
        return ""
    known = {name: f"deployment {name}" for name in deployment.SUMMARIES}
    known |= {name: name for name in SUMMARIES}
    near = get_close_matches(unknown, known, n=1)
    return f"Did you mean `{known[near[0]]}`?" if near else ""
