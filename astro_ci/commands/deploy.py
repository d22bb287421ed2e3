"""`deploy`: plan, then act on the Plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astro_ci.configuration.option import Scope
from astro_ci.terminal.check_options import REPORTS
from astro_ci.terminal.options import (
    COMMENT,
    FAIL_ON_SKIP,
    PLAN_FILE,
    SAVE,
    VerbCommand,
    with_options,
)
from astro_ci.terminal.session import Session

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.deploying.workshop import Workshop
    from astro_ci.model import Plan
    from astro_ci.planning.saved import SavedPlans
    from astro_ci.reporting.target_result import TargetResult


@click.command(cls=VerbCommand)
@with_options(Scope.DEPLOY, SAVE, PLAN_FILE, FAIL_ON_SKIP, COMMENT, *REPORTS)
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
    plan_file: Path | None,
    save: bool,
    sarif: Path | None,
    junit_xml: Path | None,
    code_quality: Path | None,
    **_options: Any,
) -> int:
    """Plan, then deploy what changed to the chosen Deployments."""
    from astro_ci.deploying.several import run_each
    from astro_ci.deploying.workshop import Workshop
    from astro_ci.reporting.target_result import checks_of
    from astro_ci.terminal.choose import choose_targets
    from astro_ci.terminal.settle import settle

    session.start(as_json=as_json)
    session.open_scratch()
    saved = _saved(plan_file)
    chosen = choose_targets(ctx, session, config_file, deploys=True)
    targets = settle(session, chosen, save=save)

    def act(result: TargetResult) -> None:
        if len(targets) > 1:
            session.console.say(f"--- {result.target.label}")
        _deploy_target(session, result, workshop, saved, plan_file)
        if result.deploy_result and (as_json or len(targets) > 1):
            from astro_ci.reporting.closing import closing_text

            session.console.say(closing_text(result.deploy_result))

    with Workshop() as workshop:
        results = run_each(targets, act, session.explain)
    checks = checks_of(results)
    session.write_reports(checks, sarif=sarif, junit_xml=junit_xml, code_quality=code_quality)
    _conclude(session, results, chosen.choice.reason, comment=comment)
    from astro_ci.reporting.exit_code import exit_code

    return exit_code(results, fails_on_skip=fail_on_skip)


def _saved(plan_file: Path | None) -> SavedPlans | None:
    """Read the saved plan, if one is named. Raises ConfigurationError."""
    if plan_file is None:
        return None
    from astro_ci.terminal.plan_file import read_plan_file

    return read_plan_file(plan_file)


def _conclude(
    session: Session, results: Sequence[TargetResult], reason: str, *, comment: bool
) -> None:
    """Tell how it ended. What that needs is loaded here: the sooner Astro is asked, the better."""
    from astro_ci.reporting.closing import closing_text
    from astro_ci.reporting.text import results_text

    def document(results: Sequence[TargetResult], reason: str) -> dict[str, Any]:
        from astro_ci.reporting.documents import results_document

        return results_document(results, reason)

    def text(results: Sequence[TargetResult], reason: str) -> str:
        only = results[0].deploy_result if len(results) == 1 else None
        if only is None or session.is_quiet:
            return results_text(results, reason)
        return closing_text(only, run_url=session.ci.run_url, columns=session.columns)

    if session.console.is_live:
        session.console.say()
    session.conclude(results, reason, document=document, text=text, comment=comment)


def _deploy_target(
    session: Session,
    result: TargetResult,
    workshop: Workshop,
    saved: SavedPlans | None,
    plan_file: Path | None,
) -> None:
    """Deploy to one Deployment, and show its Plans and checks."""
    reader = session.take_reader()
    reader.prepare()  # it starts while the libraries of a deploy are loaded

    from astro_ci.survey.asking import ask_astro

    config = result.target.config
    asked = ask_astro(config, session.env, interactive=session.is_interactive)
    # Loaded while Astro is asked.
    from astro_ci.deploying.deploy import deploy as run_deploy
    from astro_ci.terminal.plan_log import PlanLog
    from astro_ci.terminal.written import written_files

    plan_log = PlanLog(session, result)

    def approve(found: Plan) -> None:
        if saved:
            saved.check(found)

    try:
        result.deploy_result = run_deploy(
            config,
            session.env,
            asked=asked,
            ci=session.ci,
            console=session.console,
            on_plan=plan_log.show_plan,
            approve=approve,
            written=written_files(plan_file, config.image_archive),
            on_checks=plan_log.show_checks,
            on_stage=session.enter_stage,
            interactive=session.is_interactive,
            reader=reader,
            workshop=workshop,
        )
    finally:
        reader.stop()
