"""The page of a run in its CI system, in Markdown. Pure."""

from __future__ import annotations

from astro_ci.reporting.markdown import (
    error_markdown,
    plan_markdown,
    result_markdown,
    skipped_markdown,
)
from astro_ci.reporting.report import Report
from astro_ci.reporting.target_result import TargetResult
from astro_ci.reporting.verb import Verb


def summary(report: Report) -> str:
    """The job summary: a section for each Deployment."""
    if report.error:
        return error_markdown(report.error, None, verb=report.verb)
    if not report.results:
        return skipped_markdown(report.reason, verb=report.verb)
    return "\n".join(section(result, report.verb) for result in report.results)


def section(result: TargetResult, verb: Verb, *, is_public: bool = False) -> str:
    """Return the result for one Deployment; `is_public` leaves out the output of tools."""
    target, plan = result.target, result.final_plan
    title = target.label if target.entry else ""
    if result.error:
        return error_markdown(result.error, plan, verb=verb, title=title, is_public=is_public)
    if result.deploy_result:
        return result_markdown(result.deploy_result, title=title)
    return plan_markdown(plan, title=title) if plan else ""
