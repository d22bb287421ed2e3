"""Tell the CI system how it went: outputs for later steps, the job summary, a comment."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import quote

from astro_ci.ci import CIContext, Dialect
from astro_ci.commands.several import (
    Ending,
    counted,
    overall,
    plans_document,
    union_type,
)
from astro_ci.errors import AstroCIError, CancelledError
from astro_ci.markdown import (
    error_markdown,
    escape,
    plan_markdown,
    result_markdown,
    skipped_markdown,
)
from astro_ci.model import DeployResult, DeployType, Plan
from astro_ci.render import as_json, error_document
from astro_ci.text import short

_log = logging.getLogger(__name__)

# A value that later steps pass on in an environment variable: Linux takes 128 KiB for one.
LONGEST_OUTPUT = 100_000
_COMMENT_LIMIT = 60_000
_RESULT_OUTPUTS = ("deploy_id", "image_tag", "bundle_version", "url")


Verb = Literal["plan", "deploy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What there is to tell at the end of `plan` or `deploy`."""

    verb: Verb
    endings: Sequence[Ending] = ()
    reason: str = ""
    """Why there is no Deployment."""
    error: AstroCIError | None = None
    """What ended the run before any Deployment was reached."""


def publish(
    report: Report, dialect: Dialect, ci: CIContext, env: Mapping[str, str], *, comment: bool
) -> None:
    """Write outputs and summary and, when wanted, the comment. Never fails for any of them."""
    for name, value in outputs(report).items():
        dialect.set_output(name, value)
    dialect.write_summary(summary(report))
    if comment and not isinstance(_error(report), CancelledError):  # which has little time left
        _comment(report, ci, env)


def outputs(report: Report) -> dict[str, str]:
    """What later steps of the pipeline learn; ids and URLs of several are joined with commas."""
    kind = union_type(report.endings)
    is_known = kind is not None and not report.error
    found = {"deploy-type": kind.value if kind and is_known else "", "reason": _reason(report)}
    plans = [plan for plan in map(_plan, report.endings) if plan]
    found["base-sha"] = _joined(_base_sha(plan) for plan in plans)
    found["plan"] = _plan_json(report)
    if report.verb == "deploy":
        found["outcome"] = "failed" if report.error else overall(report.endings)
        for name in _RESULT_OUTPUTS:
            found[name.replace("_", "-")] = _joined(
                str(getattr(_result(ending), name, "")) for ending in report.endings
            )
    return found


def summary(report: Report) -> str:
    """The job summary: a section for each Deployment."""
    if report.error:
        return error_markdown(report.error, None, verb=report.verb)
    if not report.endings:
        return skipped_markdown(report.reason, verb=report.verb)
    return "\n".join(_section(report, ending) for ending in report.endings)


def comments(report: Report, ci: CIContext) -> Iterator[tuple[str, str]]:
    """For each Deployment the marker of its comment, and what the comment says."""
    for ending in report.endings:
        plan = _plan(ending)
        body = _section(report, ending)
        if len(body) > _COMMENT_LIMIT:
            body = f"{body[: body.rfind(chr(10), 0, _COMMENT_LIMIT)]}\n\n... and more, in the log\n"
        commit = f"commit {short(ci.head or (plan.head if plan else ''))}".strip()
        run = f", [this run](<{ci.run_url}>)" if ci.run_url else ""
        yield _marker(ending), f"{body}\n<sub>astro-ci for {escape(commit)}{run}</sub>\n"


def _comment(report: Report, ci: CIContext, env: Mapping[str, str]) -> None:
    from astro_ci.ci.comments import CommentError, thread_of

    try:
        thread = thread_of(ci, env)
        if thread is None:
            _log.info("no comment: this run is about no pull request")
            return
        for marker, body in comments(report, ci):
            page = thread.put(marker, body)
            _log.info("commented on pull request %s: %s", ci.pull_request, page)
    except CommentError as error:
        _log.warning("no comment: %s; %s", error.message, error.hint)


def _section(report: Report, ending: Ending) -> str:
    target = ending.target
    title = target.label if target.entry else ""
    plan = _plan(ending)
    if ending.error:
        return error_markdown(ending.error, plan, verb=report.verb, title=title)
    if ending.result:
        return result_markdown(ending.result, title=title)
    return plan_markdown(plan, title=title) if plan else ""


def _marker(ending: Ending) -> str:
    """One for each Deployment and project, and never the end of an HTML comment."""
    plan, config = _plan(ending), ending.target.config
    deployment = plan.deployment if plan else None
    name = deployment.id if deployment else config.deployment_id or config.deployment_name or ""
    project = config.project.as_posix()
    parts = (quote(part, safe="/").replace("-", "%2D") for part in (name, project))
    return f"<!-- astro-ci:{':'.join(parts)} -->"


def _plan_json(report: Report) -> str:
    """The Plan's document; the changes that do not fit are left out, and counted."""
    error = _error(report)
    if error and len(report.endings) < 2:
        plan = _plan(report.endings[0]) if report.endings else None
        document = error_document(error, plan, outcome=False)
    else:
        document = plans_document(_as_planned(report.endings), report.reason)
    for most in (None, 500, 50, 0):
        text = as_json(_cut(document, most))
        if len(text) <= LONGEST_OUTPUT:
            return text
    return ""


def _cut(document: dict[str, Any], most: int | None) -> dict[str, Any]:
    """The document with at most so many changes for each Deployment."""
    if "deployments" in document:
        cut = [_cut(one, most) for one in document["deployments"]]
        return {**document, "deployments": cut}
    changes = document.get("changes", [])
    if most is None or len(changes) <= most:
        return document
    return {**document, "changes": changes[:most], "changes_omitted": len(changes) - most}


def _as_planned(endings: Sequence[Ending]) -> list[Ending]:
    return [replace(ending, plan=_plan(ending), result=None) for ending in endings]


def _plan(ending: Ending) -> Plan | None:
    """The Plan that was acted on, which may be a later one than was printed."""
    return ending.result.plan if ending.result else ending.plan


def _result(ending: Ending) -> DeployResult | None:
    """How it ended, or how far it came."""
    return ending.result or (ending.error.result if ending.error else None)


def _base_sha(plan: Plan) -> str:
    """The commit that decided: of the DAGs when they alone are deployed, else of the image."""
    first, second = plan.base.image, plan.base.dags
    if plan.deploy_type is DeployType.DAGS:
        first, second = second, first
    return first or second or ""


def _reason(report: Report) -> str:
    error = _error(report)
    if error and len(report.endings) < 2:
        return error.message
    plan = _plan(report.endings[0]) if len(report.endings) == 1 else None
    return plan.reason if plan else report.reason or counted(report.endings)


def _error(report: Report) -> AstroCIError | None:
    errors = [ending.error for ending in report.endings if ending.error]
    return report.error or (errors[0] if errors else None)


def _joined(values: Iterator[str]) -> str:
    return ",".join(filter(None, values))
