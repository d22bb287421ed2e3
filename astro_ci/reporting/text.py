"""Plans and results as text, for a log or a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from astro_ci.finding import Checked
from astro_ci.model import (
    Affects,
    Change,
    DeployResult,
    DeployType,
    FastPlan,
    Part,
    Plan,
    PrebuiltImage,
    Sameness,
    Status,
)
from astro_ci.reporting.cells import cell_width, labelled, padded, wrapped
from astro_ci.reporting.checks.text import checks_text, headline
from astro_ci.reporting.target_result import TargetResult
from astro_ci.text import duration_text, printable, sentence, short, shortened_digest

SHOWN_CHANGES = 20
_HEADINGS: Sequence[tuple[Affects, str]] = (
    ("image", "Image"),
    ("dags", "DAGs"),
    ("nothing", "Not deployed"),
)
SYMBOLS: Mapping[Status, str] = {
    Status.ADDED: "+",
    Status.MODIFIED: "~",
    Status.DELETED: "-",
    Status.TYPE_CHANGED: "~",
    Status.UNMERGED: "!",
}
DEPLOY_TYPE_WORDS = {
    DeployType.NONE: "nothing to deploy",
    DeployType.DAGS: "DAGs only",
    DeployType.IMAGE_AND_DAGS: "image and DAGs",
    DeployType.IMAGE: "image only",
}
_MARGIN = 18
"""Where the values of facts begin."""
_WIDEST_PATH = 48


def plan_text(plan: Plan, *, columns: int | None = None) -> str:
    """Return the Plan as text: the decision, its reason, the changes by part, and the base.

    `columns` is the terminal's width; None without a terminal.
    """
    to = f", to {printable(plan.deployment.name)}" if plan.deployment else ""
    kind = DEPLOY_TYPE_WORDS[plan.deploy_type]
    lines = [f"Plan: {kind}{to if plan.deploy_type is not DeployType.NONE else ''}"]
    lines += wrapped(f"because {printable(plan.reason)}", columns, indent=2)
    if plan.changes:
        lines.append("")
    width = max((cell_width(printable(change.path)) for change in plan.changes), default=0)
    for affects, heading in _HEADINGS:
        found = [change for change in plan.changes if change.affects == affects]
        title = f"{heading}: {counted_changes(plan, found)}"
        lines += _changes(found, title, min(width, _WIDEST_PATH), columns)
    plain = [checked for checked in plan.checks if not _has_details(checked)]
    facts = [*_facts(plan), *(("Checked", headline(checked)) for checked in plain)]
    lines += ["", *(line for name, value in facts for line in fact_lines(name, value, columns))]
    if told := [checked for checked in plan.checks if _has_details(checked)]:
        lines += ["", *checks_text(told)]
    return "\n".join(lines)


def counted_changes(plan: Plan, changes: Sequence[Change]) -> str:
    """Return the number of a part's changes, and say if this deploy does not deploy them."""
    count = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
    left = {DeployType.DAGS: Part.IMAGE, DeployType.IMAGE: Part.DAGS}.get(plan.deploy_type)
    is_left = left is not None and all(change.parts == {left} for change in changes)
    return f"{count}, not deployed" if is_left else count


def fact_lines(label: str, value: str, columns: int | None) -> list[str]:
    """Return a fact of a block of facts, in several lines if it is long."""
    return labelled(f"  {label}", value, columns, margin=_MARGIN)


def commit_text(plan: Plan) -> str:
    """Return the checked-out commit as text."""
    title = f" {printable(plan.title)}" if plan.title else ""
    return f"{short(plan.head)}{title}{uncommitted_text(plan)}"


def _has_details(checked: Checked) -> bool:
    return bool(checked.findings or checked.not_checked or checked.notes)


def _facts(plan: Plan) -> Iterator[tuple[str, str]]:
    if plan.deployment:
        enabled = "enabled" if plan.deployment.is_dag_deploy_enabled else "disabled"
        name = printable(plan.deployment.name)
        yield "Deployment", f"{name} (DAG-only deploys {enabled})"
    yield "Commit", commit_text(plan)
    if plan.image:
        yield "Image", printable(image_text(plan.image))
    if plan.fast:
        yield "Image", printable(fast_text(plan.fast))
    yield "Compared with", base_text(plan)
    yield from (("Assumed", printable(note)) for note in plan.assumptions)


def uncommitted_text(plan: Plan) -> str:
    """Return the end of a clause with the number of uncommitted files that ship."""
    if not plan.dirty:
        return ""
    count = len(plan.uncommitted)
    files = f" ({count} {'file' if count == 1 else 'files'})" if count else ""
    return f", with uncommitted changes{files}"


def uncommitted_list(plan: Plan) -> str:
    """List the first uncommitted files that would ship, one on each line, and count the others."""
    lines = [f"  {printable(path)}" for path in plan.uncommitted[:SHOWN_CHANGES]]
    if more := len(plan.uncommitted) - len(lines):
        lines.append(f"  ... and {more} more")
    return "\n".join(lines)


def image_text(image: PrebuiltImage) -> str:
    """Describe a prebuilt image: its name, its identity, and its commit."""
    built = f", built from {short(image.commit)}" if image.commit else ""
    return f"{image.reference} ({shortened_digest(image.digest)}){built}"


def fast_text(fast: FastPlan) -> str:
    """Say how the image is made, and why a build is needed."""
    if fast.is_chosen:
        return "the running one with a new code layer, without a build"
    if fast.is_possible:
        return "built, and compared with the running one with a new code layer"
    return f"built, as {'; '.join(fast.reasons)}"


def result_text(result: DeployResult) -> str:
    """Return the result of a deploy in a line that begins with the outcome."""
    if result.outcome == "skipped":
        return f"skipped: {printable(result_reason(result))}"
    plan = result.plan
    what = DEPLOY_TYPE_WORDS[plan.deploy_type]
    to = f" to {printable(plan.deployment.name)}" if plan.deployment else ""
    by = f", replaced by deploy {result.replaced_by} since" if result.replaced_by else ""
    forced = forced_text(result.overridden)
    return f"{result.outcome}: {what}{to} in {duration_text(result.duration_seconds)}{by}{forced}"


def forced_text(overridden: Sequence[str]) -> str:
    """Return the end of a clause with the checks that --force overrode; empty for none."""
    if not overridden:
        return ""
    checks = "check" if len(overridden) == 1 else "checks"
    return f", although the {' and '.join(overridden)} {checks} failed"


def plans_text(results: Sequence[TargetResult], reason: str, *, columns: int | None = None) -> str:
    """Return the Plans of all Deployments as text; `reason` says why there is no Plan."""
    if not results:
        return f"Plan: nothing to deploy\n  because {reason}"
    if len(results) == 1 and results[0].plan:
        return plan_text(results[0].plan, columns=columns)
    return "\n\n".join(
        f"--- {result.target.label}\n"
        + (plan_text(result.plan, columns=columns) if result.plan else _failed(result))
        for result in results
    )


def results_text(results: Sequence[TargetResult], reason: str) -> str:
    """Return a line with the result of each deploy; `reason` says why there is no deploy."""
    if not results:
        return f"skipped: {reason}"
    if len(results) == 1 and results[0].deploy_result:
        return result_text(results[0].deploy_result)
    return "\n".join(f"{result.target.label}: {_result_line(result)}" for result in results)


def result_reason(result: DeployResult) -> str:
    """Return the reason of the result: the Plan's reason, and that it was a dry run."""
    plan = result.plan
    is_dry_run = result.outcome == "skipped" and plan.deploy_type is not DeployType.NONE
    would = f"dry run; would deploy {DEPLOY_TYPE_WORDS[plan.deploy_type]}: " if is_dry_run else ""
    return would + plan.reason


def base_text(plan: Plan) -> str:
    """Return the base of the comparison, and its source."""
    base = plan.base
    if base.source == "none":
        return "nothing: no commit to compare with is known"
    names = {"deployed": "the running deploys", "event": "the CI event", "ref": "--base"}
    source = names[base.source]
    image = _side(base.image, plan.content.image)
    dags = _side(base.dags, plan.content.dags)
    commits = image if image == dags else f"image: {image}; DAGs: {dags}"
    return f"{commits} (from {source})"


def _result_line(result: TargetResult) -> str:
    return result_text(result.deploy_result) if result.deploy_result else _failed(result)


def _failed(result: TargetResult) -> str:
    return f"failed: {sentence(str(result.error))}"


def _side(base: str | None, content: Sameness) -> str:
    if base:
        return short(base)
    if content == "unknown":
        return "not known"
    return "by digest, as their deploy names no commit"


def _changes(
    changes: Sequence[Change], title: str, width: int, columns: int | None
) -> Iterator[str]:
    """Yield a line for each change: its symbol, its path, and the rule that applies."""
    if not changes:
        return
    yield f"  {title}"
    shown = [(SYMBOLS[c.status], printable(c.path), c.because) for c in changes[:SHOWN_CHANGES]]
    for symbol, path, because in shown:
        line = f"    {symbol} {padded(path, width)}  {printable(because)}"
        if columns and cell_width(line) > columns:
            yield f"    {symbol} {path}"
            yield from wrapped(printable(because), columns, indent=8)
        else:
            yield line
    if len(changes) > SHOWN_CHANGES:
        yield f"    ... and {len(changes) - SHOWN_CHANGES} more"
