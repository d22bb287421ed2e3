"""`plan`: say what would be deployed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from astro_ci.configuration.option import Scope
from astro_ci.terminal.check_options import REPORTS
from astro_ci.terminal.options import (
    COMMENT,
    DETAILED_EXITCODE,
    PLAN_OUT,
    SAVE,
    VerbCommand,
    with_options,
)
from astro_ci.terminal.session import Session

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.reporting.target_result import TargetResult


@click.command(cls=VerbCommand)
@with_options(Scope.PLAN, SAVE, PLAN_OUT, DETAILED_EXITCODE, COMMENT, *REPORTS)
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
    out: Path | None,
    save: bool,
    sarif: Path | None,
    junit_xml: Path | None,
    code_quality: Path | None,
    **_options: Any,
) -> int:
    """Show what would be deployed, and why. Changes nothing."""
    from astro_ci.deploying.several import run_each
    from astro_ci.reporting.documents import plans_document
    from astro_ci.reporting.exit_code import exit_code
    from astro_ci.reporting.target_result import checks_of
    from astro_ci.reporting.text import plans_text
    from astro_ci.terminal.choose import choose_targets
    from astro_ci.terminal.next_command import next_text
    from astro_ci.terminal.plan_file import write_plan_file
    from astro_ci.terminal.settle import settle

    session.start(as_json=as_json)
    session.has_detailed_exitcode = detailed_exitcode
    session.open_scratch()
    found = choose_targets(ctx, session, config_file, deploys=False)
    targets = settle(session, found, save=save)

    results = run_each(targets, partial(_plan_target, session, out), session.explain)
    checks = checks_of(results)
    session.write_reports(checks, sarif=sarif, junit_xml=junit_xml, code_quality=code_quality)

    if out:
        write_plan_file(out, results, found.choice.reason, session.redactor)

    def text(results: Sequence[TargetResult], reason: str) -> str:
        after = next_text(session, results)
        return plans_text(results, reason, columns=session.columns) + after

    session.conclude(
        results, found.choice.reason, document=plans_document, text=text, comment=comment
    )
    return exit_code(results, detailed=detailed_exitcode)


def _plan_target(session: Session, out: Path | None, result: TargetResult) -> None:
    """Make the Plan of one Deployment, and annotate its findings."""
    from astro_ci.reporting.phases import Phase
    from astro_ci.survey.plan import plan_target
    from astro_ci.terminal.written import written_files

    with session.console.phase(Phase.SURVEY):
        result.plan = plan_target(
            result.target,
            session.env,
            session.ci,
            interactive=session.is_interactive,
            reader=session.take_reader(),
            written=written_files(out, result.target.config.image_archive),
        )
    session.annotate(result.plan)
    session.signals.check()
