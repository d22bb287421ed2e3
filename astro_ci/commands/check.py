"""`check`: run the static check, parse and pytest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astro_ci.errors import ConfigurationError
from astro_ci.terminal.check_options import (
    CHECK_OPTIONS,
    PARSE_OPTIONS,
    REPORTS,
    WHICH_OPTIONS,
)
from astro_ci.terminal.options import VerbCommand, with_options
from astro_ci.terminal.session import Session

if TYPE_CHECKING:  # loaded when it is needed
    from collections.abc import Callable

    from astro_ci.checks.runners import Runner
    from astro_ci.finding import Checked, CheckName


@click.command(cls=VerbCommand)
@with_options(None, *WHICH_OPTIONS, *CHECK_OPTIONS, *PARSE_OPTIONS, *REPORTS)
@click.pass_obj
@click.pass_context
def check(
    ctx: click.Context,
    session: Session,
    /,
    as_json: bool,
    static: bool,
    parse: bool,
    pytest: bool | str,
    pytest_path: str,
    sarif: Path | None,
    junit_xml: Path | None,
    code_quality: Path | None,
    config_file: Path | None,
    **options: Any,
) -> int:
    """Check the project: static check, parse and pytest, in this order.

    Runs every check, even after one has failed. Exits with 6 when a check fails or cannot be made.
    """
    from astro_ci.checks.pytest import find_tests
    from astro_ci.terminal.checking import Checking, Options, attempt
    from astro_ci.terminal.choose import choose_project

    session.start(as_json=as_json)
    if not (static or parse or pytest):
        raise ConfigurationError(
            "every check is turned off, so nothing would be checked",
            hint="Turn on one of --static, --parse and --pytest.",
        )
    session.open_scratch()
    options |= choose_project(ctx, session, config_file)
    checking = Checking(session, Options(**options))
    checks = [checking.static()] if static else []
    wanted: list[tuple[CheckName, Callable[[Runner], Checked]]] = []
    if parse:
        wanted.append(("parse", checking.parse))
    if pytest:
        named = pytest if isinstance(pytest, str) else pytest_path
        paths = [find_tests(checking.checkout.project.root, named)]
        wanted.append(("pytest", lambda runner: checking.pytest(runner, paths)))
    for name, make in wanted:
        checks.append(attempt(name, make, checking.runner()))
    session.write_reports(checks, sarif=sarif, junit_xml=junit_xml, code_quality=code_quality)
    return checking.conclude(checks)
