"""Plans and results as JSON documents. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from astro_ci import __version__
from astro_ci.errors import AstroCIError
from astro_ci.model import DeployResult, DeployType, FastPlan, Part, Plan
from astro_ci.remote import commit_page
from astro_ci.reporting.checks.document import checks_keys
from astro_ci.reporting.target_result import (
    TargetResult,
    combined_deploy_type,
    counted_outcomes,
    overall_outcome,
)
from astro_ci.text import sentence

SCHEMA = 1


def as_json(document: dict[str, Any]) -> str:
    """Write a document as one line in ASCII, so that file names survive every terminal and locale.

    `##` is escaped, because two CI systems read it as the start of a command anywhere in a line.
    """
    return json.dumps(document, ensure_ascii=True).replace("##", "#\\u0023")


def plan_document(plan: Plan) -> dict[str, Any]:
    """The document of `plan --json`: keys may be added to it, never changed."""
    deployment = plan.deployment
    return {
        "schema": SCHEMA,
        "deploy_type": plan.deploy_type.value,
        "requested": plan.requested.value,
        "reason": plan.reason,
        "head": plan.head,
        "dirty": plan.dirty,
        "uncommitted": list(plan.uncommitted),
        "title": plan.title,
        "head_url": commit_page(plan.repository, plan.head),
        "base": {"image": plan.base.image, "dags": plan.base.dags, "source": plan.base.source},
        "content": {"image": plan.content.image, "dags": plan.content.dags},
        "changes": [
            {
                "path": change.path,
                "status": change.status.value,
                "affects": change.affects,
                "because": change.because,
            }
            for change in plan.changes
        ],
        "deployment": deployment
        and {
            "id": deployment.id,
            "name": deployment.name,
            "dag_deploy_enabled": deployment.is_dag_deploy_enabled,
            "runtime_version": deployment.astro_runtime_version,
        },
        "assumptions": list(plan.assumptions),
        "image": plan.image
        and {
            "reference": plan.image.reference,
            "digest": plan.image.digest,
            "commit": plan.image.commit,
        },
        "bundle_layout": plan.bundle_layout,
        "running": deployment
        and {
            "image_tag": deployment.image_tag,
            "bundle_version": deployment.running_bundle_version,
        },
        "digests": {part.value: plan.digests.get(part) for part in Part},
        "source": {"repository": plan.origin.repository, "project": plan.origin.project},
        "version": __version__,
        "fast": _fast(plan.fast),
        **checks_keys(plan.checks),
    }


def result_document(result: DeployResult) -> dict[str, Any]:
    """The document of `deploy --json`."""
    document = {**plan_document(result.plan), **_result_keys(result)}
    if (fast := result.plan.fast) and result.outcome == "deployed":
        made = "replaced" if fast.is_chosen else "built"
        differences = result.fast_differences
        document["fast"] |= {
            "made": made,
            "differences": None if differences is None else list(differences),
        }
    return document


def _fast(fast: FastPlan | None) -> dict[str, Any] | None:
    if fast is None:
        return None
    return {"mode": fast.mode, "possible": fast.is_possible, "reasons": list(fast.reasons)}


def error_document(error: AstroCIError, plan: Plan | None, *, outcome: bool) -> dict[str, Any]:
    """Return the document of `--json` for a failure: the error, and the Plan if there is one."""
    return {
        "schema": SCHEMA,
        **(plan_document(plan) if plan else {}),
        **({"outcome": "failed", "deploy_id": ""} if outcome else {}),
        **(_result_keys(error.result) if outcome and error.result else {}),
        "error": {
            "message": error.message,
            "hint": sentence(error.hint),
            "exit_code": error.exit_code,
        },
    }


def plans_document(results: Sequence[TargetResult], reason: str) -> dict[str, Any]:
    """The document of `plan --json` for any number of Deployments.

    For a single Deployment, it is the Deployment's document. For several Deployments, or for none,
    it is a summary with the same keys and a list of `deployments`; `reason` says why there is none.
    """
    if len(results) == 1 and results[0].plan:
        return plan_document(results[0].plan)
    pending = sum(result.deploy_type not in (None, DeployType.NONE) for result in results)
    found = f"{pending} of {len(results)} Deployments have something to deploy"
    return {
        "schema": SCHEMA,
        **_deploy_type(results),
        "reason": reason or found,
        **_list(results, outcome=False),
    }


def results_document(results: Sequence[TargetResult], reason: str) -> dict[str, Any]:
    """The document of `deploy --json` for any number of Deployments; see plans_document."""
    if len(results) == 1 and results[0].deploy_result:
        return result_document(results[0].deploy_result)
    return {
        "schema": SCHEMA,
        **_deploy_type(results),
        "reason": reason or counted_outcomes(results),
        "outcome": overall_outcome(results),
        **_list(results, outcome=True),
    }


def _result_keys(result: DeployResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "deploy_id": result.deploy_id,
        "image_tag": result.image_tag,
        "bundle_version": result.bundle_version,
        "commit_url": result.commit_url,
        "replaced_by": result.replaced_by,
        "overridden": list(result.overridden),
        "url": result.url,
        "duration_seconds": result.duration_seconds,
        "phases": {name: round(seconds, 3) for name, seconds in result.phases.items()},
    }


def _list(results: Sequence[TargetResult], *, outcome: bool) -> Mapping[str, Any]:
    documents = [
        {
            "project": result.target.project,
            "target": result.target.entry,
            **_document(result, outcome=outcome),
        }
        for result in results
    ]
    errors = [document["error"] for document in documents if "error" in document]
    return {**({"error": errors[0]} if errors else {}), "deployments": documents}


def _document(result: TargetResult, *, outcome: bool) -> dict[str, Any]:
    if result.error:
        return error_document(result.error, result.plan, outcome=outcome)
    if result.deploy_result:
        return result_document(result.deploy_result)
    return plan_document(result.plan) if result.plan else {}


def _deploy_type(results: Sequence[TargetResult]) -> Mapping[str, str]:
    found = combined_deploy_type(results)
    return {"deploy_type": found.value} if found else {}
