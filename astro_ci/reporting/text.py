"""Plans and results as people read them in a log. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.model import (
    Affects,
    Change,
    DeployResult,
    DeployType,
    Plan,
    PrebuiltImage,
    Sameness,
)
from astro_ci.reporting.checks.text import checks_text
from astro_ci.reporting.target_result import TargetResult
from astro_ci.text import printable, sentence, short, shortened_digest

SHOWN_CHANGES = 20
_HEADINGS: Sequence[tuple[Affects, str]] = (
    ("image", "in the image"),
    ("dags", "DAGs"),
    ("nothing", "not deployed"),
)
DEPLOY_TYPE_WORDS = {
    DeployType.NONE: "nothing to deploy",
    DeployType.DAGS: "DAGs only",
    DeployType.IMAGE_AND_DAGS: "image and DAGs",
    DeployType.IMAGE: "image only",
}


def plan_text(plan: Plan) -> str:
    """The Plan for people: what, why, compared with what, and what changed."""
    lines = [f"Plan: {DEPLOY_TYPE_WORDS[plan.deploy_type]}", f"  because {printable(plan.reason)}"]
    if plan.deployment:
        enabled = "enabled" if plan.deployment.is_dag_deploy_enabled else "disabled"
        lines.append(f"Deployment: {printable(plan.deployment.name)} (DAG-only deploys {enabled})")
    lines.append(f"Head: {short(plan.head)}{uncommitted_text(plan)}")
    if plan.image:
        lines.append(f"Image: {printable(image_text(plan.image))}")
    lines.append(f"Base: {base_text(plan)}")
    for affects, heading in _HEADINGS:
        lines += _changes([c for c in plan.changes if c.affects == affects], heading)
    lines += [f"Assumed: {printable(note)}" for note in plan.assumptions]
    lines += checks_text(plan.checks)
    return "\n".join(lines)


def uncommitted_text(plan: Plan) -> str:
    """That what ships is not the commit, as the end of a clause; and how many files of it."""
    if not plan.dirty:
        return ""
    count = len(plan.uncommitted)
    files = f" ({count} {'file' if count == 1 else 'files'})" if count else ""
    return f" with uncommitted changes{files}"


def uncommitted_list(plan: Plan) -> str:
    """The uncommitted files that would ship, one a line, cut with a count."""
    lines = [f"  {printable(path)}" for path in plan.uncommitted[:SHOWN_CHANGES]]
    if more := len(plan.uncommitted) - len(lines):
        lines.append(f"  ... and {more} more")
    return "\n".join(lines)


def image_text(image: PrebuiltImage) -> str:
    """A prebuilt image: its name, its identity, and the commit that it was built from."""
    built = f", built from {short(image.commit)}" if image.commit else ""
    return f"{image.reference} ({shortened_digest(image.digest)}){built}"


def result_text(result: DeployResult) -> str:
    """The last line of a deploy."""
    if result.outcome == "skipped":
        return f"skipped: {printable(result_reason(result))}"
    what = DEPLOY_TYPE_WORDS[result.plan.deploy_type] + forced_text(result.overridden)
    by = f", replaced by deploy {result.replaced_by} since" if result.replaced_by else ""
    return f"{result.outcome}: {what} in {result.duration_seconds:.1f} s{by}, {result.url}"


def forced_text(overridden: Sequence[str]) -> str:
    """What --force deployed past, as the end of a clause; empty when it was nothing."""
    if not overridden:
        return ""
    checks = "check" if len(overridden) == 1 else "checks"
    return f" although the {' and '.join(overridden)} {checks} failed"


def landed_text(result: DeployResult) -> str:
    """What a deploy brought, and where to see it."""
    plan = result.plan
    lines = []
    if result.image_tag:
        lines.append(f"Image tag: {result.image_tag} (Airflow shows it in the footer of its pages)")
    if result.bundle_version:
        lines.append(f"Bundle version: {result.bundle_version}")
    if plan.image and plan.deploy_type.has_image:
        lines.append(f"Image: {printable(image_text(plan.image))}")
    if plan.ships_checkout:
        dirty = "with uncommitted changes" if plan.dirty else result.commit_url
        lines.append(f"Commit: {short(plan.head)} {printable(dirty)}".rstrip())
    return "\n".join(lines)


def plans_text(results: Sequence[TargetResult], reason: str) -> str:
    """The Plans of any number of Deployments; `reason` says why there is none."""
    if not results:
        return f"Plan: nothing to deploy\n  because {reason}"
    if len(results) == 1 and results[0].plan:
        return plan_text(results[0].plan)
    return "\n\n".join(
        f"--- {result.target.label}\n{plan_text(result.plan) if result.plan else _failed(result)}"
        for result in results
    )


def results_text(results: Sequence[TargetResult], reason: str) -> str:
    """How each deploy ended, a line for each; `reason` says why there is none."""
    if not results:
        return f"skipped: {reason}"
    if len(results) == 1 and results[0].deploy_result:
        return result_text(results[0].deploy_result)
    return "\n".join(f"{result.target.label}: {_result_line(result)}" for result in results)


def result_reason(result: DeployResult) -> str:
    """Why it ended so: the Plan's reason, and that it was a dry run when that is all."""
    plan = result.plan
    is_dry_run = result.outcome == "skipped" and plan.deploy_type is not DeployType.NONE
    would = f"dry run; would deploy {DEPLOY_TYPE_WORDS[plan.deploy_type]}: " if is_dry_run else ""
    return would + plan.reason


def base_text(plan: Plan) -> str:
    """What the checkout was compared with, and how that was known."""
    base = plan.base
    if base.source == "none":
        return "none"
    source = {"deployed": "what runs", "event": "the CI event", "ref": "--base"}[base.source]
    image = _side(base.image, plan.content.image)
    dags = _side(base.dags, plan.content.dags)
    commits = image if image == dags else f"image {image}, DAGs {dags}"
    return f"{commits} (from {source})"


def _result_line(result: TargetResult) -> str:
    return result_text(result.deploy_result) if result.deploy_result else _failed(result)


def _failed(result: TargetResult) -> str:
    return f"failed: {sentence(str(result.error))}"


def _side(base: str | None, content: Sameness) -> str:
    if base:
        return short(base)
    return "none" if content == "unknown" else "known by content"


def _changes(changes: Sequence[Change], heading: str) -> list[str]:
    if not changes:
        return []
    lines = [f"{heading} ({len(changes)}):"]
    lines += [f"  {c.status} {printable(c.path)}  [{c.because}]" for c in changes[:SHOWN_CHANGES]]
    if len(changes) > SHOWN_CHANGES:
        lines.append(f"  ... and {len(changes) - SHOWN_CHANGES} more")
    return lines
