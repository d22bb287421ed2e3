"""What goes into summaries and comments, read back by a Markdown parser."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from astro_ci.errors import ProjectError
from astro_ci.model import NO_PARTS, Change, Deployment, DeployResult, Status
from astro_ci.reporting import verb
from astro_ci.reporting.markdown import (
    SHOWN_CHANGES,
    code,
    error_markdown,
    escape,
    plan_markdown,
    result_markdown,
    skipped_markdown,
)
from astro_ci.text import printable
from tests.unit.reporting.samples import DAGS, IMAGE, PLAN, RESULT

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ZERO_WIDTH = "\N{ZERO WIDTH SPACE}"
TEXTS = st.text(
    st.one_of(st.sampled_from("`*_[]<>#|~&@$!()-+=.:/\\\n\r\t '\"0aw"), st.characters()),
    max_size=40,
)


class _Page(HTMLParser):
    """The text of a page, and the tags in it."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.text = ""
        self.feed(PARSER.render(markdown))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def _collapsed(text: str) -> str:
    return " ".join(text.replace(ZERO_WIDTH, "").split())


HOSTILE = (
    *("# h", "- x", "+ x", "1. x", "1) x", "> q", "---", "===", "```", "~~~", "~~x~~", "__x__"),
    *("a|b", "<b>", "&lt;", "[x](javascript:y)", "![x](y)", "<!-- x", "--> x", "<https://x>"),
    *("11) x", "a_b_c", "_a_", "*a*", "\\*", "`x`", "$x$", "@me", "#1", "    four", "| a |\n|---|"),
)


@given(TEXTS)
@example("".join(HOSTILE))
def test_escaped_text_reads_as_it_is(text: str) -> None:
    page = _Page(escape(text))
    assert set(page.tags) <= {"p"}
    assert _collapsed(page.text) == _collapsed(printable(text))


@pytest.mark.parametrize("text", HOSTILE)
def test_what_would_be_markup_is_text(text: str) -> None:
    test_escaped_text_reads_as_it_is.hypothesis.inner_test(text)  # type: ignore[attr-defined]
    page = _Page(f"| a | b |\n|---|---|\n| {code(text)} | {escape(text)} |")
    assert page.tags == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "code", "td"]


@given(TEXTS)
def test_code_reads_as_it_is(text: str) -> None:
    page = _Page(f"x {code(text)} y")
    assert page.tags == ["p", "code"]
    assert _collapsed(page.text) == _collapsed(f"x {printable(text)} y")


@pytest.mark.parametrize("text", ["@octocat", "see #12", "x@y", "@org/team"])
def test_nobody_is_mentioned(text: str) -> None:
    shown = _Page(escape(text)).text
    assert f"@{ZERO_WIDTH}" in shown or f"#{ZERO_WIDTH}" in shown


@pytest.mark.parametrize(
    "text", ["dags/my_dag.py", "2026-11-23T07:38:51.64Z", "only 2 files under dags/ changed"]
)
def test_ordinary_words_stay_readable(text: str) -> None:
    assert escape(text) == text


def test_a_plan_says_what_and_why_first() -> None:
    lines = plan_markdown(PLAN).splitlines()
    assert lines[0] == "### Plan: DAGs only - <code>prod</code>"
    assert lines[2] == "Only DAGs changed."
    assert "| Head | <code>aaaaaaa</code> with uncommitted changes |" in lines
    assert "- Assumed: So it is." in lines


def test_a_file_name_that_would_break_out() -> None:
    name = "dags/<img src=x>|`](http://x)\n# h.py"
    change = Change(path=name, status=Status.ADDED, parts=DAGS, because=name)
    page = _Page(plan_markdown(replace(PLAN, changes=[change])))
    assert page.text.count(printable(name).replace(" ", " ")) == 2
    assert not {"img", "h1", "a"} & set(page.tags)


def test_many_changes_are_cut_with_counts_and_the_important_ones_come_first() -> None:
    changes = [
        Change(path=f"docs/{i}", status=Status.ADDED, parts=NO_PARTS, because="x")
        for i in range(SHOWN_CHANGES)
    ] + [Change(path="Dockerfile", status=Status.MODIFIED, parts=IMAGE, because="x")]
    text = plan_markdown(replace(PLAN, changes=changes))
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert len(rows) == SHOWN_CHANGES
    assert "Dockerfile" in rows[0]
    assert "... and 1 more, by what they affect: 1 nothing" in text


def test_a_deploy_links_to_the_deployment_and_to_airflow() -> None:
    plan = replace(PLAN, deployment=_with_web_server("acme.astronomer.run/dab c"))
    result = replace(RESULT, plan=plan, url="https://cloud.example/x?a=1|2>")
    page = _Page(result_markdown(result))
    assert page.links == [
        "https://cloud.example/x?a=1%7C2%3E",
        "https://acme.astronomer.run/dab%20c",
    ]
    assert page.text.startswith("Deployed: DAGs only - prod")


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "//x", "ftp://x"])
def test_only_web_pages_are_links(url: str) -> None:
    plan = replace(PLAN, deployment=_with_web_server(""))
    assert _Page(result_markdown(replace(RESULT, plan=plan, url=url))).links == []


def _with_web_server(url: str) -> Deployment:
    assert PLAN.deployment
    return msgspec.structs.replace(PLAN.deployment, web_server_url=url)


def test_a_skip_says_so_with_its_reason() -> None:
    result = DeployResult(outcome="skipped", plan=PLAN)
    assert result_markdown(result).splitlines()[:3] == [
        "### Skipped - <code>prod</code>",
        "",
        "Dry run; would deploy DAGs only: only DAGs changed.",
    ]
    assert skipped_markdown("no branch matches", verb=verb.DEPLOY).startswith(
        "### Skipped\n\nNo bra"
    )
    assert skipped_markdown("x", verb=verb.PLAN).startswith("### Plan: nothing to deploy\n")


def test_a_failure_says_what_to_do() -> None:
    error = ProjectError("no Dockerfile in <x>", hint="set --project")
    error.result = replace(RESULT, outcome="failed")
    lines = error_markdown(error, PLAN, verb=verb.DEPLOY).splitlines()
    assert lines[0] == "### Deploy failed - <code>prod</code>"
    assert lines[2] == "No Dockerfile in &#60;x&#62;."
    assert "**What to do:** Set --project." in lines
    assert "| Deploy | <code>cl2</code> |" in lines
    assert error_markdown(error, None, verb=verb.PLAN).startswith("### Plan failed\n")
