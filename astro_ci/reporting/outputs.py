"""The outputs of a run for later steps of a pipeline. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from astro_ci.model import DeployType, Plan
from astro_ci.reporting.built import built_outputs
from astro_ci.reporting.documents import as_json, error_document, plans_document
from astro_ci.reporting.markdown.pages import error_reason
from astro_ci.reporting.report import Report
from astro_ci.reporting.target_result import (
    TargetResult,
    combined_deploy_type,
    counted_outcomes,
    overall_outcome,
)
from astro_ci.reporting.verb import BUILD

# A value that later steps pass on in an environment variable: Linux takes 128 KiB for one.
LONGEST_OUTPUT = 100_000
_RESULT_OUTPUTS = ("deploy_id", "image_tag", "bundle_version")


def outputs(report: Report) -> dict[str, str]:
    """Map each output's name to its value; ids of several Deployments are joined with commas."""
    if report.verb is BUILD:
        return built_outputs(report.built, error_reason(report.error) if report.error else "")
    kind = combined_deploy_type(report.results)
    is_known = kind is not None and not report.error
    found = {"deploy-type": kind.value if kind and is_known else "", "reason": _reason(report)}
    plans = [result.final_plan for result in report.results if result.final_plan]
    found["base-sha"] = _joined(_base_sha(plan) for plan in plans)
    found["plan"] = _plan_json(report)
    if report.verb.has_outcome:
        found |= _deploy_outputs(report)
    return found


def _deploy_outputs(report: Report) -> dict[str, str]:
    outcome = "failed" if report.error else overall_outcome(report.results)
    found: dict[str, str] = {"outcome": outcome}
    deploys = [result.known_deploy for result in report.results]
    for name in _RESULT_OUTPUTS:
        found[name.replace("_", "-")] = _joined(str(getattr(one, name, "")) for one in deploys)
    # The page that a job's environment links to: it takes one.
    found["url"] = next((one.url for one in deploys if one and one.url), "")
    return found


def _plan_json(report: Report) -> str:
    """The Plan's document; changes and findings that do not fit are left out, and counted."""
    error = report.first_error
    if error and len(report.results) < 2:
        plan = report.results[0].final_plan if report.results else None
        document = error_document(error, plan, outcome=False)
    else:
        document = plans_document(_as_planned(report.results), report.reason)
    for most in (None, 500, 50, 0):
        text = as_json(_cut(document, most))
        if len(text) <= LONGEST_OUTPUT:
            return text
    return ""


def _cut(document: dict[str, Any], most: int | None) -> dict[str, Any]:
    """The document with at most so many changes and findings for each Deployment."""
    if "deployments" in document:
        cut = [_cut(one, most) for one in document["deployments"]]
        return {**document, "deployments": cut}
    for key in ("changes", "findings"):
        entries = document.get(key, [])
        if most is not None and len(entries) > most:
            omitted = {f"{key}_omitted": len(entries) - most}
            document = {**document, key: entries[:most], **omitted}
    return document


def _as_planned(results: Sequence[TargetResult]) -> list[TargetResult]:
    return [replace(result, plan=result.final_plan, deploy_result=None) for result in results]


def _base_sha(plan: Plan) -> str:
    """Return the base commit of the DAGs when only DAGs are deployed, else of the image."""
    first, second = plan.base.image, plan.base.dags
    if plan.deploy_type is DeployType.DAGS:
        first, second = second, first
    return first or second or ""


def _reason(report: Report) -> str:
    error = report.first_error
    if error and len(report.results) < 2:
        return error_reason(error)
    plan = report.results[0].final_plan if len(report.results) == 1 else None
    return plan.reason if plan else report.reason or counted_outcomes(report.results)


def _joined(values: Iterator[str]) -> str:
    return ",".join(filter(None, values))
