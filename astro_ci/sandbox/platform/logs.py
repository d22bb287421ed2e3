"""The log of a Deployment, made from its deploy history, because no Airflow runs here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from astro_ci.sandbox.platform.deploys import has_image
from astro_ci.sandbox.platform.options import airflow_version
from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.store.state import DeploymentRecord, DeployRecord

SOURCES = ("scheduler", "triggerer", "worker", "webserver", "dag-processor", "apiserver")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A line of the log."""

    timestamp: float
    source: str
    raw: str


def log_entries(platform: Platform, deployment: DeploymentRecord) -> list[LogEntry]:
    """List the log lines, newest first."""
    entries: list[LogEntry] = []
    for deploy in reversed(platform.deploys(deployment)):
        if deploy.status == "DEPLOYED":
            entries += _told(deploy)
    return entries[::-1]


def _told(deploy: DeployRecord) -> Iterator[LogEntry]:
    moment = deploy.updated_at
    if has_image(deploy):
        airflow = airflow_version(deploy.runtime_version)
        text = f"Starting Airflow {airflow} from image {deploy.image_tag}"
        web = "webserver" if airflow.startswith("2.") else "apiserver"
        for source in ("scheduler", web, "triggerer", "worker"):
            yield LogEntry(moment, source, f"[{source}] {text}")
    version = deploy.dag_tarball_version
    if version and deploy.type in ("DAG_ONLY", "IMAGE_AND_DAG"):
        yield LogEntry(moment, "dag-processor", f"[dag-processor] Loading DAG bundle {version}")
    if deploy.type == "BUNDLE":
        what = deploy.bundle_tarball_version or "nothing"
        text = f"[worker] Mounting {what} at {deploy.bundle_mount_path}"
        yield LogEntry(moment, "worker", text)
