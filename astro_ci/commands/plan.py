"""`plan`: say what would be deployed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astro_ci.terminal.options import COMMENT, DETAILED_EXITCODE, PLAN_OPTIONS, with_options
from astro_ci.terminal.session import Session
from astro_ci.terminal.signals import stop_on_signals

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.deploying.several import Ending


@click.command()
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
    from astro_ci.deploying.several import each, exit_code, plans_document, plans_text
    from astro_ci.survey.plan import plan_target

    session.start(as_json=as_json)
    check_stopped = stop_on_signals()
    choice = session.find(ctx, config_file, deploys=False).choice

    def act(ending: Ending) -> None:
        ending.plan = plan_target(ending.target, session.env, interactive=session.is_interactive)
        check_stopped()

    endings = each(choice.targets, act, session.explain)
    session.conclude(
        endings, choice.reason, document=plans_document, text=plans_text, comment=comment
    )
    return exit_code(endings, detailed=detailed_exitcode)
