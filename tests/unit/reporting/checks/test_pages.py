"""Findings in what the reports of a Plan hold: summaries and comments, outputs, the log."""

from __future__ import annotations

import json

from msgspec.structs import replace

from astro_ci.configuration.choice import Target
from astro_ci.configuration.config import Config
from astro_ci.finding import Checked, Finding
from astro_ci.model import Plan
from astro_ci.reporting.documents import plan_document
from astro_ci.reporting.markdown.blocks import SHOWN_FINDINGS
from astro_ci.reporting.markdown.pages import plan_markdown
from astro_ci.reporting.outputs import LONGEST_OUTPUT, outputs
from astro_ci.reporting.report import Report
from astro_ci.reporting.target_result import TargetResult
from astro_ci.reporting.text import plan_text
from astro_ci.reporting.verb import VERBS
from tests.unit.reporting.forges import GITHUB
from tests.unit.reporting.samples import PLAN

HOSTILE = "a|b`<b>@me\n# x"


def found(number: int) -> Finding:
    message = f"{HOSTILE} {number}"
    return Finding(
        path=f"dags/{HOSTILE}.py", line=number, rule="dag-syntax", severity="error", message=message
    )


def planned(findings: int) -> Plan:
    checked = Checked.of("static", map(found, range(1, findings + 1)), files=3)
    return replace(PLAN, checks=(checked,))


def test_the_page_shows_findings_in_a_table() -> None:
    page = plan_markdown(planned(1))
    assert "Static check: failed" in page
    html = GITHUB.render(page)
    assert html.count("<table>") == 2
    assert "<b>" not in html
    assert "<td>a|b`&lt;b&gt;@\N{ZERO WIDTH SPACE}me" in html


def test_the_page_counts_what_it_leaves_out() -> None:
    page = plan_markdown(planned(SHOWN_FINDINGS + 2))
    assert page.count("<code>dag-syntax</code>") == SHOWN_FINDINGS
    assert "... and 2 errors more" in page


def test_the_page_names_what_was_not_checked() -> None:
    checked = Checked(name="parse", status="impossible", not_checked=("no *image*",))
    page = plan_markdown(replace(PLAN, checks=(checked,)))
    assert "- Not checked: No &#42;image&#42;." in page


def test_the_log_shows_findings_below_the_plan() -> None:
    lines = plan_text(planned(1)).splitlines()
    assert lines[-3:-1] == ["", "static check: failed (1 error in 3 files)"]
    assert lines[-1].startswith("  error: dags/a|b`<b>@me\\n# x.py:1: ")


def test_the_document_holds_all_findings() -> None:
    document = plan_document(planned(1000))
    assert len(document["findings"]) == 1000
    assert document["checks"][0]["status"] == "failed"


def test_an_output_holds_as_many_as_fit() -> None:
    result = TargetResult(target=Target(config=Config(), settings={}), plan=planned(5000))
    text = outputs(Report(verb=VERBS["plan"], results=[result]))["plan"]
    assert len(text) <= LONGEST_OUTPUT
    document = json.loads(text)
    assert len(document["findings"]) + document["findings_omitted"] == 5000
    assert len(document["findings"]) > 0
