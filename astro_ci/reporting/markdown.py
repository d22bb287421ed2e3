"""Plans and results in Markdown, for job summaries and pull request comments. Pure.

Whatever a stranger may have chosen (file names, branch names, messages) goes through `escape` or
`code`: it can be no markup, no mention and no reference, on GitHub or on GitLab.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote, urlsplit

from astro_ci.errors import AstroCIError, CommandError
from astro_ci.finding import Checked
from astro_ci.model import Affects, Change, Deployment, DeployResult, Plan
from astro_ci.reporting.checks.text import counts, headline, place
from astro_ci.reporting.text import (
    DEPLOY_TYPE_WORDS,
    base_text,
    image_text,
    result_reason,
    uncommitted_text,
)
from astro_ci.reporting.verb import Verb
from astro_ci.text import Regex, printable, sentence, short, shorten

SHOWN_CHANGES = 50
SHOWN_FINDINGS = 50
_ORDER: Sequence[Affects] = ("image", "dags", "nothing")
_AFFECTS: dict[Affects, str] = {"image": "image", "dags": "DAGs", "nothing": "nothing"}
_STATUS = {"A": "added", "M": "changed", "D": "deleted", "T": "type changed", "U": "unmerged"}
# What begins or ends markup: anywhere; not within a word; at the start of a line; in a bare URL.
_MARKUP = Regex(
    r"[\\`*\[\]<>#|~&@$!%]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^[-+=]|(?<=\bGH)-(?=\d)"
    r"|:(?=//)|(?<=\bwww)\.",
    re.IGNORECASE,
)
_LONGEST_REASON = 1000
_NUMBERED = Regex(r"^(\d{1,9})(?=[.)])")
_IN_URLS = ":/?#@!$&'*+,;=~%"
_REFERENCE = Regex(r"(?<=[@#!%])(?=\w)|(?<=\bGH-)(?=\d)", re.IGNORECASE)


def escape(text: str) -> str:
    """One line that reads the same in Markdown as it does here."""
    # A mention is looked for in the finished page, where an entity is its character again.
    parted = _REFERENCE.sub("\N{ZERO WIDTH SPACE}", printable(text).strip())
    return _entities(_NUMBERED.sub("\\1\N{ZERO WIDTH SPACE}", parted))


def code(text: str) -> str:
    """The text as code, where nobody looks for mentions."""
    return f"<code>{_entities(printable(text))}</code>"


def plan_markdown(plan: Plan, *, title: str = "") -> str:
    """A Plan: what would be deployed first, then why, compared with what, and what changed."""
    what = DEPLOY_TYPE_WORDS[plan.deploy_type]
    rows = [*_deployment_rows(plan.deployment), *_plan_rows(plan)]
    return _page(f"Plan: {what}", title or _name(plan), plan.reason, rows, _details(plan))


def result_markdown(result: DeployResult, *, title: str = "") -> str:
    """A deploy: how it ended first, then what was deployed, and what had changed."""
    plan = result.plan
    what = DEPLOY_TYPE_WORDS[plan.deploy_type]
    is_deployed = result.outcome == "deployed"
    heading = f"Deployed: {what}" if is_deployed else "Skipped"
    rows = [
        *_deployment_rows(plan.deployment, page=result.url),
        ("Deploy", code(result.deploy_id) if result.deploy_id else ""),
        ("Deployed although", _overridden(result.overridden)),
        ("Replaced by", code(result.replaced_by) if result.replaced_by else ""),
        ("Image tag", code(result.image_tag) if result.image_tag else ""),
        ("Bundle version", code(result.bundle_version) if result.bundle_version else ""),
        *_plan_rows(plan),
        ("Took", f"{result.duration_seconds:.1f} s" if is_deployed else ""),
    ]
    return _page(heading, title or _name(plan), result_reason(result), rows, _details(plan))


def error_markdown(
    error: AstroCIError,
    plan: Plan | None,
    *,
    verb: Verb,
    title: str = "",
    is_public: bool = False,
) -> str:
    """A failure: what came back and what to change first, then the Plan as far as there is one.

    What a tool has said stays away from those who may read a comment, and not the log.
    """
    deployment = plan.deployment if plan else None
    page = error.result.url if error.result else ""
    rows = [
        *_deployment_rows(deployment, page=page),
        ("Deploy", code(error.deploy_id) if error.deploy_id else ""),
        *(_plan_rows(plan) if plan else ()),
    ]
    hint = f"**What to do:** {escape(sentence(error.hint))}" if error.hint else ""
    name = title or (_name(plan) if plan else "")
    details = _details(plan) if plan else ()
    _, _, told = error.message.partition("\n")
    if told and _is_of_a_tool(error):
        told = "The rest of the message is in the log." if is_public else _output(told)
    else:
        told = ""
    return _page(verb.failed_heading, name, error_reason(error), rows, [told, hint, *details])


def error_reason(error: AstroCIError) -> str:
    """A message in one line: without what a tool has said, which may be many."""
    first, *others = error.message.split("\n")
    if _is_of_a_tool(error) or not others:
        return first.rstrip(":")
    return shorten(f"{first} {'; '.join(filter(None, map(str.strip, others)))}", _LONGEST_REASON)


def _is_of_a_tool(error: AstroCIError) -> bool:
    return isinstance(error, CommandError)


def _output(text: str) -> str:
    lines = "\n".join(_entities(printable(line)) for line in text.split("\n"))
    return f"<pre>\n{lines}\n</pre>"


def skipped_markdown(reason: str, *, verb: Verb) -> str:
    """A run that is about no Deployment at all."""
    return _page(verb.skipped_heading, "", reason, [], [])


def _page(
    heading: str,
    name: str,
    reason: str,
    rows: Sequence[tuple[str, str]],
    details: Sequence[str],
) -> str:
    table = [f"| {label} | {value} |" for label, value in rows if value]
    blocks = [
        f"### {heading}{f' - {code(name)}' if name else ''}",
        escape(sentence(reason)),
        "\n".join(["| | |", "|---|---|", *table]) if table else "",
        *details,
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _deployment_rows(deployment: Deployment | None, *, page: str = "") -> list[tuple[str, str]]:
    if deployment is None:
        return []
    airflow = deployment.web_server_url
    links = [_link(deployment.name, page), _link("Airflow UI", _web(airflow)) if airflow else ""]
    enabled = "enabled" if deployment.is_dag_deploy_enabled else "disabled"
    return [("Deployment", " · ".join(filter(None, links))), ("DAG-only deploys", enabled)]


def _plan_rows(plan: Plan) -> list[tuple[str, str]]:
    dirty = uncommitted_text(plan)
    return [
        ("Head", f"{code(short(plan.head))}{dirty}"),
        ("Prebuilt image", escape(image_text(plan.image)) if plan.image else ""),
        ("Compared with", escape(base_text(plan))),
    ]


def _overridden(overridden: Sequence[str]) -> str:
    """The checks that --force deployed past."""
    return f"{' and '.join(overridden)} failed (<code>--force</code>)" if overridden else ""


def _details(plan: Plan) -> list[str]:
    return [
        *map(_check, plan.checks),
        "\n".join(f"- Assumed: {escape(sentence(note))}" for note in plan.assumptions),
        "\n".join(_changes(plan.changes)),
    ]


def _check(checked: Checked) -> str:
    """How a check ended, and a table of what it found, cut with a count."""
    lines = [escape(sentence(headline(checked)))]
    lines += [f"- Not checked: {escape(sentence(reason))}" for reason in checked.not_checked]
    if checked.findings:
        lines += ["", "| | where | finding | rule |", "|---|---|---|---|"]
    for finding in checked.findings[:SHOWN_FINDINGS]:
        where = code(place(finding)) if finding.path else ""
        message = escape(shorten(finding.message, _LONGEST_REASON))
        lines.append(f"| {finding.severity} | {where} | {message} | {code(finding.rule)} |")
    if rest := checked.findings[SHOWN_FINDINGS:]:
        lines.append(f"\n... and {counts(rest)} more")
    return "\n".join(lines)


def _changes(changes: Sequence[Change]) -> Iterator[str]:
    """A table of what matters most, cut with counts."""
    if not changes:
        return
    ordered = sorted(changes, key=lambda change: _ORDER.index(change.affects))
    yield "| path | | affects | because |"
    yield "|---|---|---|---|"
    for change in ordered[:SHOWN_CHANGES]:
        affects = _AFFECTS[change.affects]
        because = escape(change.because)
        yield f"| {code(change.path)} | {_STATUS[change.status]} | {affects} | {because} |"
    rest = [change.affects for change in ordered[SHOWN_CHANGES:]]
    if rest:
        counts = ", ".join(
            f"{rest.count(affects)} {_AFFECTS[affects]}" for affects in _ORDER if affects in rest
        )
        yield f"\n... and {len(rest)} more, by what they affect: {counts}"


def _name(plan: Plan) -> str:
    return plan.deployment.name if plan.deployment else ""


def _link(text: str, url: str) -> str:
    """A link when the URL is one that a browser should open, else the text."""
    if urlsplit(url).scheme not in ("http", "https"):
        return escape(text)
    return f"[{escape(text)}](<{quote(printable(url), safe=_IN_URLS)}>)"


def _web(address: str) -> str:
    """The API gives the Airflow UI's address without a scheme."""
    return address if "://" in address else f"https://{address}"


def _entities(text: str) -> str:
    return _MARKUP.sub(lambda found: f"&#{ord(found[0])};", text)
