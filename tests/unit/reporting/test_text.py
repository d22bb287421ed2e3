from __future__ import annotations

import pytest
from msgspec.structs import replace

from astro_ci.model import Change, Deployment, DeployType, FastPlan, Status
from astro_ci.reporting.built import BuiltImage, built_text
from astro_ci.reporting.cells import cell_width, fitted, wrapped
from astro_ci.reporting.closing import airflow_page, closing_text
from astro_ci.reporting.markdown.escaping import escape
from astro_ci.reporting.markdown.pages import plan_markdown
from astro_ci.reporting.paint import paint
from astro_ci.reporting.text import SHOWN_CHANGES, plan_text, result_text
from tests.unit.reporting.samples import DAGS, IMAGE, PLAN, RESULT

WIDTHS = (60, 80, 100, 160)


def test_a_plan_says_what_and_why_before_all_else() -> None:
    lines = plan_text(PLAN).splitlines()
    assert lines[:2] == ["Plan: DAGs only, to prod", "  because only DAGs changed"]
    facts = {line[2:18].strip(): line[18:] for line in lines if line.startswith("  ") and line[18:]}
    assert facts["Deployment"] == "prod (DAG-only deploys enabled)"
    assert facts["Commit"] == "aaaaaaa Load the orders, with uncommitted changes"
    assert facts["Compared with"] == (
        "image: bbbbbbb; DAGs: by digest, as no commit of this repository is known "
        "(from the running deploys)"
    )
    assert facts["Assumed"] == "so it is"


@pytest.mark.parametrize(
    ("fast", "shown"),
    [
        (FastPlan(mode="auto"), "the running one with a new code layer, without a build"),
        (FastPlan(mode="verify"), "built, and compared with the running one with a new code layer"),
        (FastPlan(mode="auto", reasons=("a", "b\n")), "built, as a; b\\n"),
    ],
)
def test_how_the_image_is_made(fast: FastPlan, shown: str) -> None:
    plan = replace(PLAN, fast=fast)
    assert f"  Image           {shown}" in plan_text(plan).splitlines()
    assert shown in closing_text(replace(RESULT, plan=plan))
    assert escape(shown) in plan_markdown(plan)


@pytest.mark.parametrize(("status", "symbol"), [*zip("AMDTU", "+~-~!", strict=True)])
def test_each_change_has_a_symbol_and_its_rule(status: str, symbol: str) -> None:
    change = replace(PLAN.changes[0], status=Status(status), because="is under dags/")
    assert f"    {symbol} dags/\\xff\\n.py  is under dags/" in plan_text(
        replace(PLAN, changes=[change])
    )


def test_changes_are_grouped_by_part() -> None:
    image = Change(path="Dockerfile", status=Status.MODIFIED, parts=IMAGE, because="is x")
    text = plan_text(replace(PLAN, changes=[*PLAN.changes, image]))
    assert text.index("  Image: 1 change, not deployed\n") < text.index("  DAGs: 1 change\n")


@pytest.mark.parametrize(
    ("kind", "left"),
    [
        (DeployType.DAGS, "Image"),
        (DeployType.IMAGE, "DAGs"),
        (DeployType.IMAGE_AND_DAGS, None),
        (DeployType.NONE, None),
    ],
)
def test_what_a_deploy_leaves_behind_is_marked(kind: DeployType, left: str | None) -> None:
    image = Change(path="Dockerfile", status=Status.MODIFIED, parts=IMAGE, because="is x")
    text = plan_text(replace(PLAN, deploy_type=kind, changes=[*PLAN.changes, image]))
    for heading in ("Image", "DAGs"):
        end = ", not deployed" if heading == left else ""
        assert f"  {heading}: 1 change{end}\n" in text


def test_long_lists_are_cut_with_their_count() -> None:
    many = [replace(PLAN.changes[0], path=f"dags/{n:03}.py") for n in range(100)]
    text = plan_text(replace(PLAN, changes=many))
    assert "DAGs: 100 changes" in text
    assert f"... and {100 - SHOWN_CHANGES} more" in text


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_plan_fits_the_terminal(columns: int) -> None:
    words = "the image changed since bbbbbbb: " + ", ".join(f"include/{n}.sql" for n in range(20))
    because = "is left out by .dockerignore: include/sql/of/last/year/**/*.sql"
    paths = ("dags/a.py", "dags/" + "x" * 40, "include/データ.sql")
    changes = [
        Change(path=path, status=Status.ADDED, parts=parts, because=because)
        for path in paths
        for parts in (IMAGE, DAGS)
    ]
    plan = replace(PLAN, reason=words, changes=changes, assumptions=[words])
    for line in plan_text(plan, columns=columns).splitlines():
        assert cell_width(line) <= columns, line


def test_the_first_line_starts_with_the_outcome() -> None:
    assert result_text(RESULT) == "deployed: DAGs only to prod in 0.0 s"
    nothing = replace(PLAN, deploy_type=DeployType.NONE, reason="it runs")
    assert result_text(replace(RESULT, outcome="skipped", plan=nothing)) == "skipped: it runs"
    assert (
        result_text(replace(RESULT, outcome="skipped"))
        == "skipped: dry run; would deploy DAGs only: only DAGs changed"
    )


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", ""),
        ("acme.astronomer.run/d", "https://acme.astronomer.run/d"),
        ("http://airflow.internal", "http://airflow.internal"),
        ("localhost:8888/n", "http://localhost:8888/n"),
        ("127.0.0.1:1/n", "http://127.0.0.1:1/n"),
        ("localhost.acme.example/n", "https://localhost.acme.example/n"),
    ],
)
def test_the_address_of_airflow(given: str, shown: str) -> None:
    assert isinstance(PLAN.deployment, Deployment)
    assert airflow_page(replace(PLAN.deployment, web_server_url=given)) == shown


def test_a_deploy_ends_in_what_it_brought_and_where_to_look() -> None:
    assert isinstance(PLAN.deployment, Deployment)
    deployment = replace(PLAN.deployment, web_server_url="acme.astronomer.run/d")
    plan = replace(PLAN, deployment=deployment, dirty=False)
    result = replace(RESULT, plan=plan, commit_url="https://github.com/acme/etl/commit/a")
    text = closing_text(result, run_url="https://ci.example/1")
    assert text.startswith(result_text(result) + "\n")
    for told in (
        "Load the orders",
        "https://github.com/acme/etl/commit/a",
        "survey 0.4 s, upload 0.2 s",
        "https://acme.astronomer.run/d",
        "https://ci.example/1",
    ):
        assert told in text


@pytest.mark.parametrize("columns", WIDTHS)
def test_labels_are_grey_and_no_line_is_empty_where_links_have_lines_of_their_own(
    columns: int,
) -> None:
    word = "x" * 150
    links = f"http://{word}/"
    assert isinstance(PLAN.deployment, Deployment)
    deployment = replace(PLAN.deployment, web_server_url=links)
    plan = replace(PLAN, dirty=False, deployment=deployment)
    result = replace(RESULT, plan=plan, url=links, commit_url=links, bundle_version=word)
    told = closing_text(result, run_url=links, columns=columns).splitlines()[1:]
    image = BuiltImage(
        name=word,
        archive=word,
        image_id=word,
        commit="a" * 40,
        runtime_version="13.1.0",
        has_dags=False,
    )
    made = built_text(image, columns).splitlines()[1:]
    labels = [line for line in (*told, *made) if line[:2].isspace() and line[2:3].isupper()]
    assert {"  Deployment", "  Airflow", "  Run", "  Bundle version", "  Archive"} <= set(labels)
    assert all(paint(line).startswith("  \x1b[2m") for line in labels)
    assert all((*told, *made))
    assert paint("  Makefile") == "  Makefile", "an uncommitted file, and no label"


def test_a_skip_ends_in_one_line() -> None:
    assert "\n" not in closing_text(replace(RESULT, outcome="skipped"), run_url="https://x")


@pytest.mark.parametrize(
    ("text", "cells", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("データ", 6, "データ"),
        ("データ", 5, "デー…"),
        ("abc", 0, ""),
    ],
)
def test_what_does_not_fit_is_cut(text: str, cells: int, shown: str) -> None:
    assert fitted(text, cells) == shown
    assert cell_width(shown) <= cells or cells == 0


def test_without_a_terminal_nothing_is_wrapped() -> None:
    assert wrapped("a " * 200, None, indent=2) == ["  " + "a " * 200]
