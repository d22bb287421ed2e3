"""The blocks of a page: the facts, the changes, and the findings of the checks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from astro_ci.finding import Checked, Finding
from astro_ci.model import Affects, Change, DeployResult, Plan
from astro_ci.remote import commit_page, compare_page
from astro_ci.reporting.checks.text import counts, headline, place
from astro_ci.reporting.closing import airflow_page
from astro_ci.reporting.markdown.escaping import code, escape, link
from astro_ci.reporting.phases import phases_text
from astro_ci.reporting.text import (
    base_text,
    counted_changes,
    fast_text,
    image_text,
    uncommitted_text,
)
from astro_ci.text import duration_text, sentence, short, shorten

SHOWN_CHANGES = 50
"""Of each part."""
SHOWN_FINDINGS = 50
OPEN_ITEMS = 10
"""What is more than this is folded."""
LONGEST_TITLE = 100
LONGEST_MESSAGE = 1000
_PARTS: Sequence[tuple[Affects, str]] = (
    ("image", "Image"),
    ("dags", "DAGs"),
    ("nothing", "Not deployed"),
)
_STATUS: Mapping[str, str] = {
    "A": "added",
    "M": "changed",
    "D": "deleted",
    "T": "changed in type",
    "U": "unmerged",
}
Row = tuple[str, str]


def facts(rows: Sequence[Row]) -> str:
    """A table of two columns whose heading is its first row; rows without a value are left out."""
    told = [f"| {label} | {value} |" for label, value in rows if value]
    return "\n".join([told[0], "|---|---|", *told[1:]]) if told else ""


def place_rows(plan: Plan, *, page: str, run_url: str) -> Iterator[Row]:
    """Return rows with the Deployment, and with links to its pages."""
    deployment = plan.deployment
    links = [link("run", run_url)] if run_url else []
    if deployment is None:
        yield "Run", " · ".join(links)
        return
    if airflow := airflow_page(deployment):
        links.insert(0, link("Airflow", airflow))
    yield "Deployment", " · ".join([link(deployment.name, page), *links])
    yield "DAG-only deploys", "enabled" if deployment.is_dag_deploy_enabled else "disabled"


def commit_rows(plan: Plan) -> Iterator[Row]:
    """Return rows with the checked-out commit and the base commit, each with a link to its page."""
    repository, head = plan.repository, plan.head
    shown = link(code(short(head)), commit_page(repository, head), is_markdown=True)
    yield "Commit", shown + uncommitted_text(plan)
    yield "Prebuilt image", escape(image_text(plan.image)) if plan.image else ""
    yield "Image", escape(fast_text(plan.fast)) if plan.fast else ""
    bases = dict.fromkeys(filter(None, (plan.base.image, plan.base.dags)))
    pages = [(base, compare_page(repository, base, head)) for base in bases if base != head]
    links = [link(f"changes since {short(base)}", page) for base, page in pages if page]
    yield "Compared with", " · ".join([escape(base_text(plan)), *links])


def result_rows(result: DeployResult) -> Iterator[Row]:
    """Return rows with the deploy, its versions, and its duration."""
    yield "Deploy", code(result.deploy_id) if result.deploy_id else ""
    forced = " and ".join(result.overridden)
    yield "Deployed although", f"{forced} failed (<code>--force</code>)" if forced else ""
    yield "Replaced by", code(result.replaced_by) if result.replaced_by else ""
    yield "Image tag", code(result.image_tag) if result.image_tag else ""
    yield "Bundle version", code(result.bundle_version) if result.bundle_version else ""
    phases = phases_text(result.phases)
    took = duration_text(result.duration_seconds) + (f" ({phases})" if phases else "")
    yield "Took", "" if result.outcome == "skipped" else took


def changes(plan: Plan) -> Iterator[str]:
    """List the changes of each part in sentences; only the first sentences are unfolded."""
    for affects, heading in _PARTS:
        found = [change for change in plan.changes if change.affects == affects]
        if not found:
            continue
        counted = counted_changes(plan, found)
        items = [_change(one) for one in found]
        if affects == "nothing":
            yield folded(f"<strong>{heading}:</strong> {counted}", _listed(items))
        else:
            yield f"**{heading}:** {counted}"
            yield "\n".join(items[:OPEN_ITEMS])
            if rest := items[OPEN_ITEMS:]:
                yield folded(f"{len(rest)} more", _listed(rest, most=SHOWN_CHANGES - OPEN_ITEMS))


def checks(found: Sequence[Checked]) -> Iterator[str]:
    """Give the result of each check, and a table of its findings."""
    for checked in found:
        lines = [escape(sentence(headline(checked)))]
        lines += [f"- Not checked: {escape(sentence(reason))}" for reason in checked.not_checked]
        yield "\n".join(lines)
        if checked.findings:
            yield _findings(checked.findings)


def assumptions(plan: Plan) -> str:
    """List the assumptions of the Plan."""
    return "\n".join(f"- Assumed: {escape(sentence(note))}" for note in plan.assumptions)


def folded(summary: str, text: str, *, is_open: bool = False) -> str:
    """Fold Markdown, so that a click shows it; `summary` is HTML."""
    return (
        f"<details{' open' if is_open else ''}><summary>{summary}</summary>\n\n{text}\n\n</details>"
    )


def _change(change: Change) -> str:
    return f"- {code(change.path)} {escape(change.because)} ({_STATUS[change.status]})"


def _listed(items: Sequence[str], *, most: int = SHOWN_CHANGES) -> str:
    shown = "\n".join(items[:most])
    return f"{shown}\n\n... and {len(items) - most} more" if len(items) > most else shown


def _findings(found: Sequence[Finding]) -> str:
    lines = ["| severity | where | finding | rule |", "|---|---|---|---|"]
    for finding in found[:SHOWN_FINDINGS]:
        where = code(place(finding)) if finding.path else ""
        message = escape(shorten(finding.message, LONGEST_MESSAGE))
        lines.append(f"| {finding.severity} | {where} | {message} | {code(finding.rule)} |")
    if rest := found[SHOWN_FINDINGS:]:
        lines.append(f"\n... and {counts(rest)} more")
    text = "\n".join(lines)
    return folded(escape(counts(found)), text) if len(found) > OPEN_ITEMS else text
