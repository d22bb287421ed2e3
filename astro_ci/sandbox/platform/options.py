"""The values that the settings of a Deployment can have: fixed lists, in the API's format.

Source: schema DeploymentOptions; for Runtime versions the release notes, and Astronomer's list of
Runtime versions as of 2026-09-25, without the versions that were withdrawn.
"""

from __future__ import annotations

_RELEASES = (
    ("3.3-8", "3.3.2", "2026-09-23"),
    ("3.3-2", "3.3.0", "2026-07-09"),
    ("3.3-1", "3.3.0", "2026-07-09"),
    ("3.2-10", "3.2.2", "2026-09-24"),
    ("3.2-2", "3.2.0", "2026-04-16"),
    ("3.1-21", "3.1.8", "2026-09-10"),
    ("3.1-3", "3.1.1", "2025-10-28"),
    ("3.1-2", "3.1.0", "2025-10-08"),
    ("3.1-1", "3.1.0", "2025-09-25"),
    ("3.0-18", "3.0.6", "2026-09-15"),
    ("3.0-17", "3.0.6", "2026-08-26"),
    ("3.0-8", "3.0.6", "2025-08-29"),
    ("3.0-4", "3.0.2", "2025-06-10"),
    ("3.0-1", "3.0.0", "2025-04-22"),
    ("13.11.0", "2.11.2", "2026-09-17"),
    ("13.10.0", "2.11.2", "2026-08-22"),
    ("13.2.0", "2.11.0", "2025-08-05"),
    ("13.1.0", "2.11.0", "2025-07-01"),
    ("13.0.0", "2.11.0", "2025-05-20"),
    ("12.12.0", "2.10.5", "2026-03-09"),
    ("12.9.0", "2.10.5", "2025-04-29"),
    ("12.6.0", "2.10.4", "2024-12-17"),
    ("12.1.1", "2.10.2", "2024-10-09"),
    ("12.0.0", "2.10.0", "2024-08-16"),
)
"""Runtime version, Airflow version, release date; the highest version first."""

_DEPRECATED = "12."
"""How versions begin whose support has ended: a Deployment can still run them."""

_AIRFLOW = {runtime: airflow for runtime, airflow, _ in _RELEASES}

NEWEST_RUNTIME = _RELEASES[0][0]
"""The Runtime version of a new Deployment whose request names no version."""

UNKNOWN_AIRFLOW_VERSION = "NA"

MACHINES = {name: int(name[1:]) // 5 for name in ("A5", "A10", "A20", "A40", "A60", "A120", "A160")}
"""Worker machines and their CPU cores; there are 2 GiB of memory for each core."""

SCHEDULERS = {"SMALL": 1, "MEDIUM": 2, "LARGE": 4, "EXTRA_LARGE": 8}
"""Scheduler sizes and their CPU cores; there are 2 GiB of memory for each core."""


def airflow_version(runtime_version: str) -> str:
    """Return the Airflow version of a Runtime version; `NA` for an unknown version."""
    return _AIRFLOW.get(runtime_version, UNKNOWN_AIRFLOW_VERSION)


def is_listed(runtime_version: str) -> bool:
    """Whether a new Deployment can have a Runtime version."""
    return runtime_version in _AIRFLOW


def deployment_options() -> dict[str, object]:
    """Make a body of schema DeploymentOptions."""
    return {
        "executors": ["CELERY", "KUBERNETES", "ASTRO"],
        "runtimeReleases": [
            {
                "version": runtime,
                "airflowVersion": airflow,
                "channel": "deprecated" if runtime.startswith(_DEPRECATED) else "stable",
                "releaseDate": f"{released}T00:00:00Z",
                "airflowDatabaseMigration": runtime.endswith((".0.0", "-1")),
                "stellarDatabaseMigration": False,
            }
            for runtime, airflow, released in _RELEASES
        ],
        "resourceQuotas": {
            "defaultPodSize": {
                "cpu": _range("0.25", "0.25", "6400"),
                "memory": _range("0.5Gi", "0.5Gi", "12800Gi"),
            },
            "resourceQuota": {
                "cpu": _range("1", "10", "6400"),
                "memory": _range("2Gi", "20Gi", "12800Gi"),
            },
        },
        "schedulerMachines": [
            {"name": name, "spec": {"cpu": f"{cores}", "memory": f"{2 * cores}Gi"}}
            for name, cores in SCHEDULERS.items()
        ],
        "workerMachines": [
            {
                "name": name,
                "concurrency": _range(1, 5 * cores, 15 * cores),
                "spec": {
                    "cpu": f"{cores}",
                    "memory": f"{2 * cores}Gi",
                    "ephemeralStorage": "10Gi",
                    "concurrency": 5 * cores,
                },
            }
            for name, cores in MACHINES.items()
        ],
        "workerQueues": {
            "maxWorkers": _range(1, 10, 30),
            "minWorkers": _range(0, 1, 10),
            "workerConcurrency": _range(1, 5, 64),
        },
    }


def _range(floor: object, default: object, ceiling: object) -> dict[str, object]:
    return {"floor": floor, "default": default, "ceiling": ceiling}
