from __future__ import annotations

import json

from msgspec.structs import replace

from astro_ci import __version__
from astro_ci.errors import ProjectError
from astro_ci.model import FastPlan, Origin, Part
from astro_ci.reporting.documents import as_json, error_document, plan_document, result_document
from tests.unit.reporting.samples import PLAN, RESULT


def test_the_document_of_plan() -> None:
    origin = Origin(repository="github.com/acme/etl", project="etl")
    plan = replace(PLAN, digests={Part.IMAGE: "1" * 16}, origin=origin)
    assert plan_document(plan) == {
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
        "image": None,
        "bundle_layout": "prefixed",
        "running": {"image_tag": "", "bundle_version": ""},
        "digests": {"image": "1" * 16, "dags": None},
        "source": {"repository": "github.com/acme/etl", "project": "etl"},
        "version": __version__,
        "fast": None,
        "uncommitted": [],
        "title": "Load the orders",
        "head_url": f"https://github.com/acme/etl/commit/{'a' * 40}",
        "checks": [],
        "findings": [],
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
        "commit_url": "",
        "replaced_by": "",
        "overridden": [],
        "url": "http://x",
        "duration_seconds": 0.0,
        "phases": {"survey": 0.4, "upload": 0.25},
    }


def test_the_document_says_how_the_image_was_made() -> None:
    reasons = ("requirements.txt changed", "the Dockerfile has two stages")
    built = replace(PLAN, fast=FastPlan(mode="auto", reasons=reasons))
    told = {"mode": "auto", "possible": False, "reasons": list(reasons)}
    assert plan_document(built)["fast"] == told
    done = result_document(replace(RESULT, plan=built))["fast"]
    assert done == {**told, "made": "built", "differences": None}

    verified = replace(PLAN, fast=FastPlan(mode="verify"))
    found = result_document(replace(RESULT, plan=verified, fast_differences=["a"]))["fast"]
    assert (found["possible"], found["made"], found["differences"]) == (True, "built", ["a"])

    replaced = replace(PLAN, fast=FastPlan(mode="auto"))
    assert result_document(replace(RESULT, plan=replaced))["fast"]["made"] == "replaced"
    skipped = replace(RESULT, plan=replaced, outcome="skipped")
    assert "made" not in result_document(skipped)["fast"]


def test_the_document_of_a_failure() -> None:
    document = error_document(ProjectError("no", hint="do"), PLAN, outcome=True)
    assert document["outcome"] == "failed"
    assert document["error"] == {"message": "no", "hint": "Do.", "exit_code": 3}
    assert document["deploy_type"] == "dags"
    assert "outcome" not in error_document(ProjectError("no"), None, outcome=False)
