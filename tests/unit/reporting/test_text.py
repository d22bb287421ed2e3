from __future__ import annotations

from msgspec.structs import replace

from astro_ci.model import DeployType
from astro_ci.reporting.text import SHOWN_CHANGES, plan_text, result_text
from tests.unit.reporting.samples import PLAN, RESULT


def test_the_text_says_what_why_and_compared_with_what() -> None:
    text = plan_text(PLAN)
    assert "Plan: DAGs only" in text
    assert "because only DAGs changed" in text
    assert "prod (DAG-only deploys enabled)" in text
    assert "aaaaaaa with uncommitted changes" in text
    assert "image bbbbbbb, DAGs known by content (from the running deploys)" in text
    assert "A dags/\\xff\\n.py" in text
    assert "Assumed: so it is" in text


def test_long_lists_are_cut_with_their_count() -> None:
    many = [replace(PLAN.changes[0], path=f"dags/{n:03}.py") for n in range(100)]
    text = plan_text(replace(PLAN, changes=many))
    assert "DAGs (100):" in text
    assert f"... and {100 - SHOWN_CHANGES} more" in text


def test_the_last_line_starts_with_the_outcome() -> None:
    assert result_text(RESULT).startswith("deployed: DAGs only in 0.0 s, http://x")
    nothing = replace(PLAN, deploy_type=DeployType.NONE, reason="it runs")
    assert result_text(replace(RESULT, outcome="skipped", plan=nothing)) == "skipped: it runs"
    assert (
        result_text(replace(RESULT, outcome="skipped"))
        == "skipped: dry run; would deploy DAGs only: only DAGs changed"
    )
