"""`deployment update`: enable or disable DAG-only deploys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from astro_ci.configuration.config import options
from astro_ci.configuration.option import Section
from astro_ci.errors import AstroCIError
from astro_ci.terminal.options import (
    AS_JSON,
    CONFIG_FILE,
    VerbCommand,
    flag,
    option,
    with_options,
)
from astro_ci.terminal.session import Session

if TYPE_CHECKING:  # loaded when it is needed
    from collections.abc import Callable

    from astro_ci.deploying.deploy import CancelledBy
    from astro_ci.model import DeployResult, Plan
    from astro_ci.terminal.target import Target

Error = TypeVar("Error", bound=AstroCIError)
_SETTLED = ("requested", "base", "ignore", "image_paths", "redeploy", "skip_unchanged", "dry_run")
"""Options that the following deploy fixes."""


@click.command(cls=VerbCommand)
@click.argument("named", metavar="[ID|NAME]", required=False)
@with_options(
    None,
    option(
        "--dag-deploy",
        section=Section.WHAT,
        type=click.Choice(["enable", "disable"]),
        required=True,
        help="Switch DAG-only deploys on or off.",
    ),
    flag(
        "--deploy/--no-deploy",
        "deploys",
        section=Section.WHAT,
        default=None,
        help="Deploy the image and the DAGs afterwards; on a terminal, you are asked.",
    ),
    *(row for row in options() if row.field not in _SETTLED),
    CONFIG_FILE,
    AS_JSON,
)
@click.pass_obj
@click.pass_context
def update(
    ctx: click.Context,
    session: Session,
    /,
    named: str | None,
    dag_deploy: Literal["enable", "disable"],
    deploys: bool | None,
    as_json: bool,
    config_file: Path | None,
    **_options: Any,
) -> None:
    """Enable or disable DAG-only deploys, and change nothing else.

    The DAGs of the Deployment are gone after the switch until a deploy brings them. --deploy makes
    this deploy in the same run; without it, the last lines name the command.
    """
    from astro_ci.deployments.enforcement import refuse_session
    from astro_ci.deployments.switch import switch_dag_deploys
    from astro_ci.reporting.switch import (
        already_reason,
        meaning_text,
        switch_document,
        switch_text,
        switched_text,
    )
    from astro_ci.terminal.target import find_target

    session.start(as_json=as_json)
    session.open_scratch()
    enable = dag_deploy == "enable"
    target = find_target(ctx, session, named, config_file)
    deployment = target.deployment
    if deployment.is_dag_deploy_enabled == enable:
        reason = already_reason(deployment, enable=enable)
        session.answer(
            switch_document(deployment, enable=enable, reason=reason),
            switch_text(deployment, enable=enable, reason=reason),
        )
        return
    refuse_session(
        deployment,
        target.astro.credentials,
        outcome=": the deploy that has to follow would be refused, so nothing was changed",
    )
    seen = target.astro.client.read_deployment(deployment.id)
    session.console.say(meaning_text(deployment, enable=enable))
    if deploys is None and session.is_interactive:
        deploys = session.prompt.confirm("Deploy the image and the DAGs right after?")
    follow_up = _prepare(ctx, session, config_file, target) if deploys else None
    session.signals.check()
    switch_dag_deploys(target.astro.client, seen, enable=enable)
    session.console.say(switched_text(deployment, enable=enable))
    result = follow_up() if follow_up else None
    session.answer(
        switch_document(deployment, enable=enable, result=result),
        switch_text(deployment, enable=enable, result=result),
    )


def _prepare(
    ctx: click.Context, session: Session, config_file: Path | None, target: Target
) -> Callable[[], DeployResult]:
    """Make sure that the deploy that has to follow can work, and return a function that makes it.

    Raises AstroCIError, and then nothing has been changed.
    """
    from astro_ci.deploying.deploy import deploy
    from astro_ci.deploying.follow_up import follow_up_config, refuse_impossible
    from astro_ci.reporting.switch import next_command
    from astro_ci.reporting.text import plan_text
    from astro_ci.terminal.target import options_for

    options = options_for(ctx, session, config_file, target.deployment)
    config = follow_up_config(options)
    refuse_impossible(config, session.env, session.ci)

    def show(found: Plan) -> None:
        session.console.say(plan_text(found))

    def on_stage(cancelled_by: CancelledBy) -> None:
        session.enter_stage(lambda number: switched(cancelled_by(number)))

    def switched(error: Error) -> Error:
        return error.saying(
            f"{error.message}; the switch is made, so deploy as soon as this is mended, with "
            f"{next_command(target.deployment)}"
        )

    def run() -> DeployResult:
        try:
            return deploy(
                config,
                session.env,
                ci=session.ci,
                console=session.console,
                on_plan=show,
                on_stage=on_stage,
            )
        except AstroCIError as error:
            raise switched(error) from error

    return run
