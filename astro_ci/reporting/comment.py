"""The comment of a run on its pull request, updated in place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from astro_ci.ci import CIContext
from astro_ci.reporting.markdown.escaping import escape, link
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.report import Report
from astro_ci.reporting.summary import setting_of, summary
from astro_ci.reporting.target_result import TargetResult
from astro_ci.text import short

log = logging.getLogger(__name__)

_COMMENT_LIMIT = 60_000


def comments(report: Report, ci: CIContext) -> Iterator[tuple[str, str]]:
    """Return the marker and the text of the comment; a run has one comment for all Deployments."""
    results = report.results
    if not results:
        return
    setting = setting_of(ci, is_public=True)
    body, marker = summary(report, setting), _marker(results[0])
    if len(results) > 1:
        marker = _marker_of_several(results)
        if len(body) > _COMMENT_LIMIT:  # only the rows, which have the outcomes
            body = body.partition("<details")[0]
    plan = next((result.final_plan for result in results if result.final_plan), None)
    commit = f"commit {short(ci.head or (plan.head if plan else ''))}".strip()
    run = f", {link('this run', ci.run_url)}" if ci.run_url else ""
    yield marker, f"{_cut(body)}\n<sub>astro-ci for {escape(commit)}{run}</sub>\n"


def write_comments(report: Report, ci: CIContext, env: Mapping[str, str], redact: Redactor) -> None:
    """Write or update the comment; a failure is only a warning, because the deploy is done."""
    from astro_ci.ci.comments import CommentError, thread_of

    try:
        thread = thread_of(ci, env)
        if thread is None:
            log.info("no comment: this run is not for a pull request")
            return
        for marker, body in comments(report, ci):
            page = thread.put(marker, redact.markdown(body))
            log.info("commented on pull request %s: %s", ci.pull_request, page)
    except CommentError as error:
        log.warning("no comment: %s. %s", error.message, error.hint)
    except Exception as error:  # a deploy does not fail because of its comment
        log.warning("no comment: %s", type(error).__name__)


def _cut(body: str) -> str:
    """Cut a text to the maximum length of a comment."""
    if len(body) <= _COMMENT_LIMIT:
        return body
    end = body.rfind("\n", _COMMENT_LIMIT // 2, _COMMENT_LIMIT)
    kept = body[: end if end > 0 else _COMMENT_LIMIT]
    open_folds = kept.count("<details") - kept.count("</details>")
    return f"{kept}\n\n{'</details>' * open_folds}\n\n... and more, in the log\n"


def _marker_of_several(results: Sequence[TargetResult]) -> str:
    """Return the marker for a run with several Deployments, whichever they are."""
    places = dict.fromkeys(_place(result.target.config.project) for result in results)
    return f"<!-- astro-ci.all:{':'.join(map(_spelled, places))} -->"


def _marker(result: TargetResult) -> str:
    """Return the marker for a Deployment and a project, which cannot end an HTML comment."""
    plan, config = result.final_plan, result.target.config
    deployment = plan.deployment if plan else None
    # The name that the user gave, which is known even if a run fails early.
    name = config.deployment_id or config.deployment_name or (deployment.id if deployment else "")
    return f"<!-- astro-ci:{_spelled(name)}:{_spelled(_place(config.project))} -->"


def _spelled(part: str) -> str:
    """Escape characters that could end an HTML comment."""
    return quote(part, safe="/").replace("-", "%2D")


def _place(project: Path) -> str:
    """Return a project's path in its repository, because runners have different paths."""
    real = project.resolve()
    root = next((path for path in (real, *real.parents) if (path / ".git").exists()), None)
    return real.relative_to(root).as_posix() if root else project.as_posix()
