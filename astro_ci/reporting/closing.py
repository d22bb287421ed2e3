"""The last block of a deploy: its outcome, its versions, its pages, and its duration."""

from __future__ import annotations

from collections.abc import Iterator

from astro_ci.model import Deployment, DeployResult
from astro_ci.reporting.phases import phases_text
from astro_ci.reporting.text import commit_text, fact_lines, fast_text, image_text, result_text
from astro_ci.text import printable

_THIS_MACHINE = ("localhost", "127.0.0.1")


def closing_text(
    result: DeployResult, *, run_url: str | None = None, columns: int | None = None
) -> str:
    """Return the outcome and its details; a skip is one line.

    `columns` is the terminal's width; None without a terminal.
    """
    lines = [result_text(result)]
    if result.outcome == "deployed":
        for label, value in (*_facts(result), ("Run", run_url or "")):
            lines += fact_lines(label, value, columns) if value else ()
    return "\n".join(lines)


def airflow_page(deployment: Deployment | None) -> str:
    """Return the Airflow UI's URL; empty for none. The API gives the address without a scheme.

    The sandbox, which is on this machine, uses plain HTTP.
    """
    address = deployment.web_server_url if deployment else ""
    if not address or "://" in address:
        return address
    host = address.partition("/")[0].partition(":")[0]
    return f"{'http' if host in _THIS_MACHINE else 'https'}://{address}"


def _facts(result: DeployResult) -> Iterator[tuple[str, str]]:
    plan = result.plan
    if plan.image and plan.deploy_type.has_image:
        yield "Image", printable(image_text(plan.image))
    if plan.fast:
        yield "Image", printable(fast_text(plan.fast))
    if plan.ships_checkout:
        yield "Commit", commit_text(plan)
        yield "", "" if plan.dirty else result.commit_url
    if result.image_tag:
        yield "Image tag", f"{result.image_tag}, which Airflow shows at the bottom of its pages"
    yield "Bundle version", result.bundle_version
    yield "Took", phases_text(result.phases)
    yield "Deployment", result.url
    yield "Airflow", airflow_page(plan.deployment)
