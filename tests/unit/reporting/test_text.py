from __future__ import annotations

import json
from dataclasses import replace

from astro_ci.errors import ProjectError
from astro_ci.model import (
    Base,
    Change,
    Content,
    Deployment,
    DeployResult,
    DeployType,
    Part,
    Plan,
    Request,
    Status,
)
from astro_ci.reporting.text import (
    SHOWN_CHANGES,
    as_json,
    error_document,
    plan_document,
    plan_text,
    result_document,
    result_text,
)

DAGS, IMAGE = frozenset({Part.DAGS}), frozenset({Part.IMAGE})
PLAN = Plan(
    deploy_type=DeployType.DAGS,
    requested=Request.AUTO,
    reason="only DAGs changed",
    head="a" * 40,
    dirty=True,
    base=Base(commits={Part.IMAGE: "b" * 40, Part.DAGS: None}, source="deployed"),
    content=Content(parts={Part.IMAGE: "same", Part.DAGS: "different"}),
    changes=[Change(path="dags/\udcff\n.py", status=Status.ADDED, parts=DAGS, because="x")],
    deployment=Deployment(
        id="cl1", name="prod", organization_id="o", workspace_id="w", status="HEALTHY",
        is_dag_deploy_enabled=True, astro_runtime_version="13.1.0",
    ),
    assumptions=["so it is"],
)  # fmt: skip
RESULT = DeployResult(
    outcome="deployed", plan=PLAN, deploy_id="cl2", url="http://x", bundle_version="v"
)


def test_the_document_of_plan() -> None:
    assert plan_document(PLAN) == {
        "schema": 1,
        "deploy_type": "dags",
        "requested": "auto",
        "reason": "only DAGs changed",
        "head": "a" * 40,
        "dirty": True,
        "base": {"image": "b" * 40, "dags": None, "source": "deployed"},
        "content": {"image": "same", "dags": "different"},
        "changes": [{"path": "dags/\udcff\n.py", "status": "A", "affects": "dags", "because": "x"}],
        "deployment": {
            "id": "cl1",
            "name": "prod",
            "dag_deploy_enabled": True,
            "runtime_version": "13.1.0",
        },
        "assumptions": ["so it is"],
    }
    assert plan_document(replace(PLAN, deployment=None))["deployment"] is None


def test_json_is_one_ascii_line_that_keeps_every_name() -> None:
    text = as_json(result_document(RESULT))
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["changes"][0]["path"] == "dags/\udcff\n.py"


def test_the_document_of_deploy_adds_to_that_of_plan() -> None:
    document = result_document(RESULT)
    added = {key: document[key] for key in document.keys() - plan_document(PLAN).keys()}
    assert added == {
        "outcome": "deployed",
        "deploy_id": "cl2",
        "image_tag": "",
        "bundle_version": "v",
        "url": "http://x",
        "duration_seconds": 0.0,
    }


def test_the_document_of_a_failure() -> None:
    document = error_document(ProjectError("no", hint="do"), PLAN, outcome=True)
    assert document["outcome"] == "failed"
    assert document["error"] == {"message": "no", "hint": "Do.", "exit_code": 3}
    assert document["deploy_type"] == "dags"
    assert "outcome" not in error_document(ProjectError("no"), None, outcome=False)


def test_the_text_says_what_why_and_compared_with_what() -> None:
    text = plan_text(PLAN)
    assert "Plan: DAGs only" in text
    assert "because only DAGs changed" in text
    assert "prod (DAG-only deploys enabled)" in text
    assert "aaaaaaa with uncommitted changes" in text
    assert "image bbbbbbb, DAGs known by content (from what runs)" in text
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
