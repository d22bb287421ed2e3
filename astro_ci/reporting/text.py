"""Plans and results as people, programs and job summaries read them. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from astro_ci.errors import AstroCIError
from astro_ci.model import Affects, Change, DeployResult, DeployType, Plan, Sameness
from astro_ci.text import printable, sentence, short

SCHEMA = 1
SHOWN_CHANGES = 20
_HEADINGS: Sequence[tuple[Affects, str]] = (
    ("image", "in the image"),
    ("dags", "DAGs"),
    ("nothing", "not deployed"),
)
DEPLOY_TYPE_WORDS = {
    DeployType.NONE: "nothing to deploy",
    DeployType.DAGS: "DAGs only",
    DeployType.IMAGE_AND_DAGS: "image and DAGs",
    DeployType.IMAGE: "image only",
}


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
    }


def result_document(result: DeployResult) -> dict[str, Any]:
    """The document of `deploy --json`."""
    return {**plan_document(result.plan), **_result_keys(result)}


def error_document(error: AstroCIError, plan: Plan | None, *, outcome: bool) -> dict[str, Any]:
    """What `--json` prints for a failure: the Plan, if there was one, and the error."""
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


def _result_keys(result: DeployResult) -> dict[str, Any]:
    return {
        "outcome": result.outcome,
        "deploy_id": result.deploy_id,
        "image_tag": result.image_tag,
        "bundle_version": result.bundle_version,
        "url": result.url,
        "duration_seconds": result.duration_seconds,
    }


def as_json(document: dict[str, Any]) -> str:
    """One line, ASCII only, so that file names survive every terminal and every locale.

    Without `##`: two CI systems take what follows it for a command, wherever it stands.
    """
    return json.dumps(document, ensure_ascii=True).replace("##", "#\\u0023")


def plan_text(plan: Plan) -> str:
    """The Plan for people: what, why, compared with what, and what changed."""
    lines = [f"Plan: {DEPLOY_TYPE_WORDS[plan.deploy_type]}", f"  because {printable(plan.reason)}"]
    if plan.deployment:
        enabled = "enabled" if plan.deployment.is_dag_deploy_enabled else "disabled"
        lines.append(f"Deployment: {printable(plan.deployment.name)} (DAG-only deploys {enabled})")
    lines.append(f"Head: {short(plan.head)}{' with uncommitted changes' if plan.dirty else ''}")
    lines.append(f"Base: {base_text(plan)}")
    for affects, heading in _HEADINGS:
        lines += _changes([c for c in plan.changes if c.affects == affects], heading)
    lines += [f"Assumed: {printable(note)}" for note in plan.assumptions]
    return "\n".join(lines)


def result_text(result: DeployResult) -> str:
    """The last line of a deploy."""
    if result.outcome == "skipped":
        return f"skipped: {printable(result_reason(result))}"
    what = DEPLOY_TYPE_WORDS[result.plan.deploy_type]
    return f"{result.outcome}: {what} in {result.duration_seconds:.1f} s, {result.url}"


def result_reason(result: DeployResult) -> str:
    """Why it ended so: the Plan's reason, and that it was a dry run when that is all."""
    plan = result.plan
    is_dry_run = result.outcome == "skipped" and plan.deploy_type is not DeployType.NONE
    would = f"dry run; would deploy {DEPLOY_TYPE_WORDS[plan.deploy_type]}: " if is_dry_run else ""
    return would + plan.reason


def base_text(plan: Plan) -> str:
    """What the checkout was compared with, and how that was known."""
    base = plan.base
    if base.source == "none":
        return "none"
    source = {"deployed": "what runs", "event": "the CI event", "ref": "--base"}[base.source]
    image = _side(base.image, plan.content.image)
    dags = _side(base.dags, plan.content.dags)
    commits = image if image == dags else f"image {image}, DAGs {dags}"
    return f"{commits} (from {source})"


def _side(base: str | None, content: Sameness) -> str:
    if base:
        return short(base)
    return "none" if content == "unknown" else "known by content"


def _changes(changes: Sequence[Change], heading: str) -> list[str]:
    if not changes:
        return []
    lines = [f"{heading} ({len(changes)}):"]
    lines += [f"  {c.status} {printable(c.path)}  [{c.because}]" for c in changes[:SHOWN_CHANGES]]
    if len(changes) > SHOWN_CHANGES:
        lines.append(f"  ... and {len(changes) - SHOWN_CHANGES} more")
    return lines
