"""Tell the CI system how it went: outputs for later steps, the job summary, a comment."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from astro_ci.ci import CIContext, Dialect
from astro_ci.configuration.config import Config
from astro_ci.deploying.several import (
    Ending,
    counted,
    overall,
    plans_document,
    union_type,
)
from astro_ci.errors import AstroCIError, CancelledError
from astro_ci.image.building.secrets import secret_texts
from astro_ci.model import DeployResult, DeployType, Plan
from astro_ci.reporting.markdown import (
    error_markdown,
    error_reason,
    escape,
    plan_markdown,
    result_markdown,
    skipped_markdown,
)
from astro_ci.reporting.redact import redact
from astro_ci.reporting.text import as_json, error_document
from astro_ci.text import short, shorten

_log = logging.getLogger(__name__)

# A value that later steps pass on in an environment variable: Linux takes 128 KiB for one.
LONGEST_OUTPUT = 100_000
_COMMENT_LIMIT = 60_000
_LONGEST_LINE, _MOST_LINES = 500, 40
_RESULT_OUTPUTS = ("deploy_id", "image_tag", "bundle_version")


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
    report = _presentable(report, env)
    for name, value in outputs(report).items():
        dialect.set_output(name, value)
    dialect.write_summary(summary(report))
    if comment and not isinstance(_error(report), CancelledError):  # which has little time left
        _comment(report, ci, env)


def outputs(report: Report) -> dict[str, str]:
    """What later steps of the pipeline learn; ids of several are joined with commas."""
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
        # The page that a job's environment links to: it takes one.
        found["url"] = next((r.url for r in map(_result, report.endings) if r and r.url), "")
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
        body = _section(report, ending, is_public=True)
        if len(body) > _COMMENT_LIMIT:
            end = body.rfind("\n", _COMMENT_LIMIT // 2, _COMMENT_LIMIT)
            body = f"{body[: end if end > 0 else _COMMENT_LIMIT]}\n\n... and more, in the log\n"
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
    except Exception as error:  # whatever it is, what was deployed is deployed
        _log.warning("no comment: %s", type(error).__name__)


def _presentable(report: Report, env: Mapping[str, str]) -> Report:
    """The same with errors that others than the log may show, which alone has its secrets masked.

    The last lines of a build are part of an error, and may hold anything.
    """

    def clean(error: AstroCIError | None, config: Config | None = None) -> AstroCIError | None:
        if error is None:
            return None
        arguments = (one.partition("=") for one in (config.build_args if config else ()))
        variables = {**env, **{name: value for name, _, value in arguments if value}}
        others = secret_texts(config.build_secrets if config else (), env)
        lines = redact(error.message, variables, others).split("\n")
        lines = [lines[0], *lines[1:][-_MOST_LINES:]]
        return error.saying("\n".join(shorten(line, _LONGEST_LINE) for line in lines))

    endings = [
        replace(ending, error=clean(ending.error, ending.target.config))
        for ending in report.endings
    ]
    return replace(report, endings=endings, error=clean(report.error))


def _section(report: Report, ending: Ending, *, is_public: bool = False) -> str:
    target = ending.target
    title = target.label if target.entry else ""
    plan = _plan(ending)
    if ending.error:
        return error_markdown(
            ending.error, plan, verb=report.verb, title=title, is_public=is_public
        )
    if ending.result:
        return result_markdown(ending.result, title=title)
    return plan_markdown(plan, title=title) if plan else ""


def _marker(ending: Ending) -> str:
    """One for each Deployment and project, and never the end of an HTML comment."""
    plan, config = _plan(ending), ending.target.config
    deployment = plan.deployment if plan else None
    # As it was named, which is the same however far a run came.
    name = config.deployment_id or config.deployment_name or (deployment.id if deployment else "")
    parts = (quote(part, safe="/").replace("-", "%2D") for part in (name, _place(config.project)))
    return f"<!-- astro-ci:{':'.join(parts)} -->"


def _place(project: Path) -> str:
    """A project's path in its repository: runners check out to paths of their own."""
    real = project.resolve()
    root = next((path for path in (real, *real.parents) if (path / ".git").exists()), None)
    return real.relative_to(root).as_posix() if root else project.as_posix()


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
        return error_reason(error)
    plan = _plan(report.endings[0]) if len(report.endings) == 1 else None
    return plan.reason if plan else report.reason or counted(report.endings)


def _error(report: Report) -> AstroCIError | None:
    errors = [ending.error for ending in report.endings if ending.error]
    return report.error or (errors[0] if errors else None)


def _joined(values: Iterator[str]) -> str:
    return ",".join(filter(None, values))
