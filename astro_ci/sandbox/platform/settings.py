"""The settings of a Deployment that the sandbox only stores and returns, without any effect.

They are stored in the API's format. A request describes the whole Deployment, so a setting that is
missing in a request is unset. Ids and the values of secrets stay, because clients cannot read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from astro_ci.sandbox.platform.refusal import invalid
from astro_ci.sandbox.store.ids import new_id, timestamp

Json = dict[str, object]

KEPT = ("workloadIdentity", "drWorkloadIdentity")
_PLAIN = (
    "executor",
    "schedulerSize",
    "isHighAvailability",
    "scheduler",
    "description",
    "contactEmails",
    "defaultTaskPodCpu",
    "defaultTaskPodMemory",
    "resourceQuotaCpu",
    "resourceQuotaMemory",
    "remoteExecution",
    "taskPodNodePoolId",
    *KEPT,
)


def make_settings(given: Json, before: Json, now: float) -> Json:
    """Make the settings from a request. Raises Refusal 400."""
    settings = {key: before[key] for key in KEPT if key in before}
    settings |= {key: given[key] for key in _PLAIN if given.get(key) is not None}
    settings["environmentVariables"] = _variables(given, before, now)
    if given.get("executor") != "KUBERNETES" and "workerQueues" in given:
        settings["workerQueues"] = _worker_queues(given, before)
    schedules = _hibernation(given).get("schedules")
    if schedules:
        settings["hibernationSchedules"] = schedules
    return settings


def listed(settings: Mapping[str, object], key: str) -> list[Json]:
    """Read a setting whose value is a list; the list is empty when the setting is unset."""
    found = settings.get(key)
    return found if isinstance(found, list) else []


def _variables(given: Json, before: Json, now: float) -> list[Json]:
    """Set the time of each variable; a secret without a value keeps its previous value."""
    old = {variable["key"]: variable for variable in listed(before, "environmentVariables")}
    variables = [dict(variable) for variable in listed(given, "environmentVariables")]
    _refuse_twice("environmentVariables", (variable["key"] for variable in variables))
    for index, variable in enumerate(variables):
        known = old.get(variable["key"], {})
        if variable["isSecret"] and "value" not in variable:
            if "value" not in known:
                field = f"environmentVariables[{index}].value"
                raise invalid(field, "required for a new secret", "required")
            variable["value"] = known["value"]
        variable.setdefault("value", "")
        is_same = known.get("value") == variable["value"]
        variable["updatedAt"] = (known.get("updatedAt") if is_same else None) or timestamp(now)
    return variables


def _worker_queues(given: Json, before: Json) -> list[Json]:
    """Check the worker queues, and give an id to each queue without an id."""
    queues = [dict(queue) for queue in listed(given, "workerQueues")]
    _refuse_twice("workerQueues", (queue["name"] for queue in queues))
    if [queue["name"] for queue in queues if queue["isDefault"]] != ["default"]:
        raise invalid(
            "workerQueues",
            "exactly one queue must be the default queue, and its name must be default",
        )
    needed = "nodePoolId" if given.get("type") == "HYBRID" else "astroMachine"
    known = {str(queue["id"]) for queue in listed(before, "workerQueues")}
    for index, queue in enumerate(queues):
        if not queue.get(needed):
            raise invalid(f"workerQueues[{index}].{needed}", "required", "required")
        if queue.get("id") and known and queue["id"] not in known:
            raise invalid(f"workerQueues[{index}].id", "this worker queue was not found")
        queue["id"] = queue.get("id") or new_id()
    return queues


def _hibernation(given: Json) -> Json:
    scaling = given.get("scalingSpec")
    spec = scaling.get("hibernationSpec") if isinstance(scaling, dict) else None
    return spec if isinstance(spec, dict) else {}


def _refuse_twice(field: str, names: Iterable[object]) -> None:
    seen: set[object] = set()
    for name in names:
        if name in seen:
            raise invalid(field, f"{name} is listed twice")
        seen.add(name)
