"""The comments of a run on its pull request: one for each Deployment, updated in place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from astro_ci.ci import CIContext
from astro_ci.reporting.markdown import escape
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.report import Report
from astro_ci.reporting.summary import section
from astro_ci.reporting.target_result import TargetResult
from astro_ci.text import short

log = logging.getLogger(__name__)

_COMMENT_LIMIT = 60_000


def comments(report: Report, ci: CIContext) -> Iterator[tuple[str, str]]:
    """For each Deployment the marker of its comment, and what the comment says."""
    for result in report.results:
        plan = result.final_plan
        body = section(result, report.verb, is_public=True)
        if len(body) > _COMMENT_LIMIT:
            end = body.rfind("\n", _COMMENT_LIMIT // 2, _COMMENT_LIMIT)
            body = f"{body[: end if end > 0 else _COMMENT_LIMIT]}\n\n... and more, in the log\n"
        commit = f"commit {short(ci.head or (plan.head if plan else ''))}".strip()
        run = f", [this run](<{ci.run_url}>)" if ci.run_url else ""
        yield _marker(result), f"{body}\n<sub>astro-ci for {escape(commit)}{run}</sub>\n"


def write_comments(report: Report, ci: CIContext, env: Mapping[str, str], redact: Redactor) -> None:
    """Write or update the comments; warn when that fails, as the deploy is done."""
    from astro_ci.ci.comments import CommentError, thread_of

    try:
        thread = thread_of(ci, env)
        if thread is None:
            log.info("no comment: this run is about no pull request")
            return
        for marker, body in comments(report, ci):
            page = thread.put(marker, redact.markdown(body))
            log.info("commented on pull request %s: %s", ci.pull_request, page)
    except CommentError as error:
        log.warning("no comment: %s. %s", error.message, error.hint)
    except Exception as error:  # a deploy does not fail because of its comment
        log.warning("no comment: %s", type(error).__name__)


def _marker(result: TargetResult) -> str:
    """One for each Deployment and project, and never the end of an HTML comment."""
    plan, config = result.final_plan, result.target.config
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
