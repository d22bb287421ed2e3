"""The page of a run in its CI system, in Markdown. Pure."""

from __future__ import annotations

from astro_ci.ci import CIContext
from astro_ci.model import DeployType
from astro_ci.reporting.markdown.blocks import folded
from astro_ci.reporting.markdown.escaping import escape, link
from astro_ci.reporting.markdown.pages import (
    SYMBOLS,
    Setting,
    built_markdown,
    error_markdown,
    error_reason,
    plan_markdown,
    result_markdown,
    skipped_markdown,
)
from astro_ci.reporting.report import Report
from astro_ci.reporting.target_result import TargetResult, counted_outcomes
from astro_ci.reporting.text import DEPLOY_TYPE_WORDS, result_reason
from astro_ci.reporting.verb import Verb
from astro_ci.text import sentence, shorten

_LONGEST_REASON = 200
_WORDS = {"planned": "Planned", "deployed": "Deployed", "skipped": "Skipped", "failed": "Failed"}


def setting_of(ci: CIContext, *, is_public: bool = False) -> Setting:
    """Return the CI system's facts for a page."""
    return Setting(run_url=ci.run_url or "", is_merge=bool(ci.pull_request), is_public=is_public)


def summary(report: Report, setting: Setting) -> str:
    """The job summary: the Deployment's page, or a row and a page for each of several."""
    if report.error:
        return error_markdown(report.error, None, verb=report.verb, setting=setting)
    if report.built:
        return built_markdown(report.built, setting)
    if not report.results:
        return skipped_markdown(report.reason, verb=report.verb)
    if len(report.results) == 1:
        return section(report.results[0], report.verb, setting)
    pages = [
        folded(
            escape(result.target.label),
            section(result, report.verb, setting),
            is_open=bool(result.error),
        )
        for result in report.results
    ]
    return "\n\n".join([_overview(report, setting), *pages]) + "\n"


def section(result: TargetResult, verb: Verb, setting: Setting) -> str:
    """Return the page of one Deployment."""
    target, plan = result.target, result.final_plan
    title = target.label if target.entry else ""
    if result.error:
        return error_markdown(result.error, plan, verb=verb, title=title, setting=setting)
    if result.deploy_result:
        return result_markdown(result.deploy_result, title=title, setting=setting)
    return plan_markdown(plan, title=title, setting=setting) if plan else ""


def _overview(report: Report, setting: Setting) -> str:
    """Return a table with a row for each Deployment."""
    counted = counted_outcomes(report.results)
    if not report.verb.has_outcome:
        pending = sum(one.deploy_type not in (None, DeployType.NONE) for one in report.results)
        will = "Merging this will deploy to" if setting.is_merge else "There is something for"
        counted = f"{will} {pending} of {len(report.results)} Deployments"
    rows = [_row(result, report.verb) for result in report.results]
    table = "\n".join(["| Deployment | Outcome | Why |", "|---|---|---|", *rows])
    worst = _worst(report)
    return f"### {SYMBOLS[worst]} {escape(counted)}\n\n{table}"


def _row(result: TargetResult, verb: Verb) -> str:
    outcome = _outcome(result, verb)
    plan, known = result.final_plan, result.known_deploy
    name = link(result.target.label, known.url if known else "")
    has_parts = plan is not None and outcome in ("planned", "deployed")
    what = f": {DEPLOY_TYPE_WORDS[plan.deploy_type]}" if plan and has_parts else ""
    if result.error:
        why = error_reason(result.error)
    elif result.deploy_result:
        why = result_reason(result.deploy_result)
    else:
        why = plan.reason if plan else ""
    shown = escape(shorten(sentence(why), _LONGEST_REASON))
    return f"| {name} | {SYMBOLS[outcome]} {_WORDS[outcome]}{what} | {shown} |"


def _outcome(result: TargetResult, verb: Verb) -> str:
    return result.outcome if result.error or verb.has_outcome else "planned"


def _worst(report: Report) -> str:
    outcomes = {_outcome(result, report.verb) for result in report.results}
    return next(one for one in ("failed", "deployed", "planned", "skipped") if one in outcomes)
