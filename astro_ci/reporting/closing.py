"""The last block of a deploy: how it ended, what it brought, where to see it, how long it took."""

from __future__ import annotations

from collections.abc import Iterator

from astro_ci.model import Deployment, DeployResult
from astro_ci.reporting.phases import phases_text
from astro_ci.reporting.text import commit_text, fact, result_text


def closing_text(result: DeployResult, *, run_url: str | None = None) -> str:
    """The outcome, and what follows from it. A skip is told in one line."""
    lines = [result_text(result)]
    if result.outcome == "deployed":
        lines += _facts(result)
        if run_url:
            lines.append(fact("Run", run_url))
    return "\n".join(lines)


def airflow_page(deployment: Deployment | None) -> str:
    """The Airflow UI's address, which the API gives without a scheme; empty for none."""
    address = deployment.web_server_url if deployment else ""
    return address if not address or "://" in address else f"https://{address}"


def _facts(result: DeployResult) -> Iterator[str]:
    plan = result.plan
    yield fact("Commit", commit_text(plan))
    if result.commit_url and not plan.dirty:
        yield fact("", result.commit_url)
    if result.image_tag:
        yield fact("Image tag", f"{result.image_tag}, which Airflow shows at the foot of its pages")
    if result.bundle_version:
        yield fact("Bundle version", result.bundle_version)
    if result.phases:
        yield fact("Took", phases_text(result.phases))
    if result.url:
        yield fact("Deployment", result.url)
    if page := airflow_page(plan.deployment):
        yield fact("Airflow", page)
