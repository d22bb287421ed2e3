"""The settings of a Deployment: the values of the last request, else a new Deployment's."""

from __future__ import annotations

from collections.abc import Mapping

from astro_ci.sandbox.http.views.json import Json
from astro_ci.sandbox.platform.hibernation import is_meant_to_sleep, override_is_active
from astro_ci.sandbox.platform.options import MACHINES, SCHEDULERS
from astro_ci.sandbox.platform.settings import listed
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.sandbox.store.state import DeploymentRecord

DEFAULT_QUEUE: Mapping[str, object] = {
    "name": "default",
    "isDefault": True,
    "maxWorkerCount": 10,
    "minWorkerCount": 0,
    "workerConcurrency": 5,
}
PLATFORM_IDENTITY = "arn:aws:iam::000000000000:role/AirflowS3Logs"
DEFAULT_AU, DEFAULT_REPLICAS = 10, 1
_SHOWN_AS_SET = (
    "executor",
    "description",
    "contactEmails",
    "isHighAvailability",
    "schedulerSize",
    "defaultTaskPodCpu",
    "defaultTaskPodMemory",
    "resourceQuotaCpu",
    "resourceQuotaMemory",
    "taskPodNodePoolId",
)


def settings(record: DeploymentRecord) -> Json:
    """Make the fields of schema Deployment that requests set."""
    found = record.settings
    shown: Json = {
        "executor": "CELERY",
        **(_hybrid_defaults(found) if record.type == "HYBRID" else _hosted_defaults(found)),
        **{key: found[key] for key in _SHOWN_AS_SET if key in found},
        "environmentVariables": [
            _environment_variable(one) for one in listed(found, "environmentVariables")
        ],
        "effectiveWorkloadIdentity": found.get("workloadIdentity", PLATFORM_IDENTITY),
    }
    if found.get("executor") != "KUBERNETES":
        shown["workerQueues"] = [_worker_queue(record, queue) for queue in _queues(record)]
    if "drWorkloadIdentity" in found:
        shown["effectiveDRWorkloadIdentity"] = found["drWorkloadIdentity"]
    if isinstance(remote := found.get("remoteExecution"), dict):
        url = f"https://{record.namespace}.external.example.com"
        shown["remoteExecution"] = {"allowedIpAddressRanges": [], **remote, "remoteApiUrl": url}
    return shown


def hibernation_override(record: DeploymentRecord, now: float) -> Json:
    """Make a body of schema DeploymentHibernationOverride."""
    override = record.override
    if override is None:
        return {"isActive": False}
    return {
        "isActive": override_is_active(record, now),
        **({} if override.is_hibernating is None else {"isHibernating": override.is_hibernating}),
        **({} if override.until is None else {"overrideUntil": timestamp(override.until)}),
    }


def scaling(record: DeploymentRecord, now: float) -> Json:
    """Make the hibernation fields, which only development Deployments have."""
    if not record.is_development_mode:
        return {}
    spec: Json = {"schedules": listed(record.settings, "hibernationSchedules")}
    if record.override:
        spec["override"] = hibernation_override(record, now)
    return {
        "scalingSpec": {"hibernationSpec": spec},
        "scalingStatus": {"hibernationStatus": _hibernation_status(record, now)},
    }


def _hibernation_status(record: DeploymentRecord, now: float) -> Json:
    """Make a DeploymentHibernationStatus; the next event is the end of an override."""
    override = record.override
    is_overridden = override is not None and override_is_active(record, now)
    decides = "override" if is_overridden else "schedule"
    shown: Json = {"isHibernating": record.is_asleep, "reason": f"As its {decides} says"}
    sleeps_next = record.is_asleep_by_schedule
    if is_overridden and override and override.until and sleeps_next != is_meant_to_sleep(record):
        shown["nextEventAt"] = timestamp(override.until)
        shown["nextEventType"] = "HIBERNATE" if sleeps_next else "WAKE"
    return shown


def _hosted_defaults(found: Json) -> Json:
    cores = SCHEDULERS[str(found.get("schedulerSize", "SMALL"))]
    return {
        "schedulerSize": "SMALL",
        "schedulerCpu": f"{cores}",
        "schedulerMemory": f"{2 * cores}Gi",
        "schedulerReplicas": 2 if found.get("isHighAvailability") else 1,
        "isHighAvailability": False,
        "defaultTaskPodCpu": "0.25",
        "defaultTaskPodMemory": "0.5Gi",
        "resourceQuotaCpu": "10",
        "resourceQuotaMemory": "20Gi",
    }


def _hybrid_defaults(found: Json) -> Json:
    scheduler = found.get("scheduler")
    given = scheduler if isinstance(scheduler, dict) else {}
    units = int(given.get("au", DEFAULT_AU))
    return {
        "schedulerAu": units,
        "schedulerCpu": f"{units / 10:g}",
        "schedulerMemory": f"{units * 0.375:g}Gi",
        "schedulerReplicas": int(given.get("replicas", DEFAULT_REPLICAS)),
    }


def _queues(record: DeploymentRecord) -> list[Json]:
    place = {"nodePoolId": record.cluster_id} if record.type == "HYBRID" else {"astroMachine": "A5"}
    default = {"id": f"{record.id}-default", **DEFAULT_QUEUE, **place}
    return listed(record.settings, "workerQueues") or [default]


def _worker_queue(record: DeploymentRecord, queue: Json) -> Json:
    """Make a body of schema WorkerQueue. States of older versions have queues without an id."""
    cores = MACHINES.get(str(queue.get("astroMachine")), 1)
    return {
        "id": f"{record.id}-{queue['name']}",
        "podEphemeralStorage": "10Gi",
        **queue,
        "podCpu": f"{cores}",
        "podMemory": f"{2 * cores}Gi",
    }


def _environment_variable(variable: Json) -> Json:
    """Make the body for a variable; the value of a secret variable is left out."""
    return {k: v for k, v in variable.items() if not (k == "value" and variable["isSecret"])}
