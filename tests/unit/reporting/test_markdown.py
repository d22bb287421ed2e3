"""What goes into summaries and comments, as GitHub and GitLab render it."""

from __future__ import annotations

import re

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from astro_ci.ci import CIContext, detect
from astro_ci.errors import DockerError, ProjectError
from astro_ci.model import NO_PARTS, Change, Deployment, DeployResult, DeployType, Status
from astro_ci.reporting import verb
from astro_ci.reporting.comment import comments
from astro_ci.reporting.markdown.blocks import OPEN_ITEMS, SHOWN_CHANGES
from astro_ci.reporting.markdown.escaping import code, escape, link
from astro_ci.reporting.markdown.pages import (
    SYMBOLS,
    Setting,
    error_markdown,
    plan_markdown,
    result_markdown,
    skipped_markdown,
)
from astro_ci.reporting.report import Report
from astro_ci.reporting.summary import setting_of, summary
from astro_ci.text import printable
from tests.unit.reporting.forges import FORGES, Page
from tests.unit.reporting.samples import DAGS, IMAGE, PLAN, RESULT, several

ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
TEXTS = st.text(
    st.one_of(st.sampled_from("`*_[]<>#|~&@$!()-+=.:/\\\n\r\t '\"0aw"), st.characters()),
    max_size=40,
)


def _collapsed(text: str) -> str:
    return " ".join(text.replace(ZERO_WIDTH, "").split())


HOSTILE = (
    *("# h", "- x", "+ x", "1. x", "1) x", "> q", "---", "===", "```", "~~~", "~~x~~", "__x__"),
    *("a|b", "<b>", "&lt;", "[x](javascript:y)", "![x](y)", "<!-- x", "--> x", "<https://x>"),
    *("11) x", "a_b_c", "_a_", "*a*", "\\*", "`x`", "$x$", "@me", "#1", "    four", "| a |\n|---|"),
    *("https://evil.example/x", "www.evil.example", "[^1]", "[ ] x", "$$x$$", "</details>"),
)


@pytest.fixture(params=FORGES)
def forge(request: pytest.FixtureRequest) -> MarkdownIt:
    found: MarkdownIt = FORGES[request.param]
    return found


@given(TEXTS, st.sampled_from(sorted(FORGES)))
@example("".join(HOSTILE), "github")
def test_escaped_text_reads_as_it_is(text: str, name: str) -> None:
    page = Page(escape(text), FORGES[name])
    assert set(page.tags) <= {"p"}
    assert _collapsed(page.text) == _collapsed(printable(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_be_markup_is_text(text: str, forge: MarkdownIt) -> None:
    page = Page(escape(text), forge)
    assert set(page.tags) <= {"p"}
    assert _collapsed(page.text) == _collapsed(printable(text))
    page = Page(f"| a | b |\n|---|---|\n| {code(text)} | {escape(text)} |", forge)
    assert page.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "code", "td"]


@given(TEXTS)
def test_code_reads_as_it_is(text: str) -> None:
    page = Page(f"x {code(text)} y")
    assert page.tags == ["p", "code"]
    assert _collapsed(page.text) == _collapsed(f"x {printable(text)} y")


@pytest.mark.parametrize("text", ["@octocat", "see #12", "x@y", "@org/team"])
def test_nobody_is_mentioned(text: str) -> None:
    shown = Page(escape(text)).text
    assert f"@{ZERO_WIDTH}" in shown or f"#{ZERO_WIDTH}" in shown


@pytest.mark.parametrize(
    "text", ["dags/my_dag.py", "2026-11-23T07:38:51.64Z", "only 2 files under dags/ changed"]
)
def test_ordinary_words_stay_readable(text: str) -> None:
    assert escape(text) == text


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "//x", "ftp://x", "http://[x"])
def test_only_web_pages_are_links(url: str) -> None:
    assert link("x", url) == "x"


@pytest.mark.parametrize("text", HOSTILE)
def test_what_strangers_chose_stays_text_wherever_it_stands(text: str, forge: MarkdownIt) -> None:
    """Titles, paths, rules, reasons, the Deployment's name, and what an error says."""
    assert PLAN.deployment
    change = replace(PLAN.changes[0], path=f"dags/{text}", because=text)
    plan = replace(
        PLAN,
        title=text,
        reason=text,
        assumptions=[text],
        deployment=replace(PLAN.deployment, name=text),
        changes=[change] * (OPEN_ITEMS + 1),
    )
    pages = [
        plan_markdown(plan),
        result_markdown(replace(RESULT, plan=plan)),
        error_markdown(ProjectError(text, hint=text), plan, verb=verb.DEPLOY),
        error_markdown(DockerError(f"x\n{text}", hint=text), plan, verb=verb.DEPLOY),
        summary(several(plan), Setting()),
    ]
    ours = {"h3", "p", "a", "code", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}
    ours |= {"strong", "details", "summary", "pre"}
    for markdown in pages:
        page = Page(markdown, forge)
        assert set(page.tags) <= ours
        assert all("evil" not in (url or "") for url in page.links)
        assert _balanced(page.html)


def _balanced(html: str) -> bool:
    """Whether nothing of a stranger's ended a fold of ours."""
    return html.count("<details") == html.count("</details>")


# --- what the pages say ---------------------------------------------------------------------------


def test_a_plan_says_what_and_why_first(forge: MarkdownIt) -> None:
    markdown = plan_markdown(PLAN)
    assert re.match(r"### \S+ Plan: DAGs only - <code>prod</code>: \[Load the orders\]", markdown)
    page = Page(markdown, forge)
    assert "Only DAGs changed." in page.text
    assert "aaaaaaa, with uncommitted changes" in page.text
    assert "Assumed: So it is." in page.text


def test_the_commit_and_what_changed_are_links() -> None:
    page = Page(plan_markdown(PLAN))
    head, base = "a" * 40, "b" * 40
    assert f"https://github.com/acme/etl/commit/{head}" in page.links
    assert f"https://github.com/acme/etl/compare/{base}...{head}" in page.links


def test_no_table_has_an_empty_heading(forge: MarkdownIt) -> None:
    for markdown in (plan_markdown(PLAN), summary(several(PLAN), Setting())):
        assert not re.search(r"<th[^>]*>\s*</th>", Page(markdown, forge).html)


def test_a_rule_is_a_sentence() -> None:
    change = Change(
        path="plugins/op.py", status=Status.MODIFIED, parts=IMAGE, because="is built into the image"
    )
    page = Page(plan_markdown(replace(PLAN, changes=[change])))
    assert "plugins/op.py is built into the image (changed)" in page.text


def test_long_lists_are_folded_and_cut_with_counts(forge: MarkdownIt) -> None:
    changes = [
        Change(path=f"dags/{i}.py", status=Status.ADDED, parts=DAGS, because="x")
        for i in range(SHOWN_CHANGES + 7)
    ] + [Change(path="docs/x", status=Status.ADDED, parts=NO_PARTS, because="x")]
    page = Page(plan_markdown(replace(PLAN, changes=changes)), forge)
    unfolded = page.html.partition("<details>")[0]
    assert unfolded.count("<li>") - unfolded.count("Assumed") == OPEN_ITEMS
    assert page.html.count("<li>") == SHOWN_CHANGES + 2
    assert "... and 7 more" in page.text
    assert f"DAGs: {SHOWN_CHANGES + 7} changes" in page.text
    assert page.tags.count("details") == 2, "what is not deployed is folded altogether"


def test_a_pull_request_learns_what_merging_will_do() -> None:
    setting = Setting(is_merge=True, run_url="https://ci.example/1")
    page = Page(plan_markdown(PLAN, setting=setting))
    assert "Merging this will deploy the DAGs." in page.text
    nothing = replace(PLAN, deploy_type=DeployType.NONE)
    assert "Merging this will deploy nothing." in plan_markdown(nothing, setting=setting)
    assert "Merging" not in plan_markdown(PLAN)


def test_a_deploy_links_to_the_deployment_to_airflow_and_to_the_run() -> None:
    plan = replace(PLAN, deployment=_with_web_server("acme.astronomer.run/dab c"))
    result = replace(RESULT, plan=plan, url="https://cloud.example/x?a=1|2>")
    page = Page(result_markdown(result, setting=Setting(run_url="https://ci.example/1")))
    for url in (
        "https://cloud.example/x?a=1%7C2%3E",
        "https://acme.astronomer.run/dab%20c",
        "https://ci.example/1",
    ):
        assert url in page.links
    assert "Deployed: DAGs only - prod" in page.text
    assert "survey 0.4 s, upload 0.2 s" in page.text


def _with_web_server(url: str) -> Deployment:
    assert PLAN.deployment
    return msgspec.structs.replace(PLAN.deployment, web_server_url=url)


def test_outcomes_differ_in_word_and_symbol() -> None:
    error = ProjectError("no Dockerfile in <x>", hint="set --project")
    headings = [
        plan_markdown(PLAN),
        result_markdown(RESULT),
        result_markdown(DeployResult(outcome="skipped", plan=PLAN)),
        error_markdown(error, PLAN, verb=verb.DEPLOY),
    ]
    words = [heading.split()[1:3] for heading in headings]
    assert len({symbol for symbol, _ in words}) == len(set(SYMBOLS.values())) == 4
    assert [word.rstrip(":") for _, word in words] == ["Plan", "Deployed", "Skipped", "Deploy"]
    assert "Deploy failed" in headings[3].partition("\n")[0]


def test_a_skip_says_so_with_its_reason() -> None:
    text = result_markdown(DeployResult(outcome="skipped", plan=PLAN))
    assert text.splitlines()[2] == "Dry run; would deploy DAGs only: only DAGs changed."
    assert "Took" not in text
    told = skipped_markdown("no branch matches", verb=verb.DEPLOY)
    assert told.endswith(" Skipped\n\nNo branch matches.\n")
    assert " Plan: nothing to deploy\n" in skipped_markdown("x", verb=verb.PLAN)


def test_a_failure_says_the_cause_first_and_what_to_do() -> None:
    error = ProjectError("no Dockerfile in <x>", hint="set --project")
    error.result = replace(RESULT, outcome="failed")
    lines = error_markdown(error, PLAN, verb=verb.DEPLOY).splitlines()
    assert lines[2:5] == ["No Dockerfile in &#60;x&#62;.", "", "**What to do:** Set --project."]
    assert "| Deploy | <code>cl2</code> |" in lines
    assert " Plan failed\n" in error_markdown(error, None, verb=verb.PLAN)


def test_several_deployments_have_a_row_each(forge: MarkdownIt) -> None:
    page = Page(summary(several(PLAN), Setting()), forge)
    assert page.text.lstrip().startswith(f"{SYMBOLS['failed']} 3 Deployments: 1 deployed, 1 skip")
    rows = re.findall(r"<tr>\s*<td>(\w+)</td>|<tr>\s*<td><a [^>]+>(\w+)</a>", page.html)
    assert {a or b for a, b in rows} >= {"prod", "dev", "old"}
    assert page.html.count("<details") == page.html.count("<details open") + 2
    assert "Astro reports that it failed" in page.text


def test_a_comment_about_several_deployments_is_one(forge: MarkdownIt) -> None:
    ci = _pull_request()
    plans = [
        replace(result, deploy_result=None, error=None, plan=PLAN)
        for result in several(PLAN).results
    ]
    ((marker, body),) = comments(Report(verb=verb.PLAN, results=plans), ci)
    assert marker.startswith("<!-- astro-ci.all:")
    assert "Merging this will deploy to 3 of 3 Deployments" in Page(body, forge).text
    changes = [replace(PLAN.changes[0], path="x" * 900)] * SHOWN_CHANGES
    long = [replace(one, plan=replace(PLAN, changes=changes)) for one in plans]
    ((again, cut),) = comments(Report(verb=verb.PLAN, results=long), ci)
    assert again == marker
    assert len(cut) < 65_000
    assert "<details" not in cut
    assert all(f"| {name} | " in cut for name in ("prod", "dev", "old"))


def test_a_comment_that_is_too_long_is_cut_between_its_lines(forge: MarkdownIt) -> None:
    changes = [replace(PLAN.changes[0], path="x" * 3000)] * SHOWN_CHANGES
    result = replace(several(PLAN).results[0], deploy_result=None)
    result = replace(result, plan=replace(PLAN, changes=changes))
    ((_, body),) = comments(Report(verb=verb.PLAN, results=[result]), _pull_request())
    page = Page(body, forge)
    assert _balanced(page.html)
    assert "... and more, in the log" in page.text
    assert "astro-ci for commit aaaaaaa" in page.text


def _pull_request() -> CIContext:
    env = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_REPOSITORY": "acme/etl",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_RUN_ID": "1",
    }
    found = detect(env)
    assert setting_of(found).is_merge
    return found
