"""The settings of a Deployment that nothing here acts on: made from a request, kept, shown.

They are kept in the API's own shape. A request describes the whole Deployment, so a setting that
it leaves out is unset; identities and the values of secrets, which no client is shown, stay.
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
    """Make the settings that a request asks for. Raises Refusal 400."""
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
    """Read a setting that is a list; empty when it is unset."""
    found = settings.get(key)
    return found if isinstance(found, list) else []


def _variables(given: Json, before: Json, now: float) -> list[Json]:
    """Date the variables; a secret that comes without a value keeps the value that it had."""
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
    """Check the worker queues, and give those an id that have none."""
    queues = [dict(queue) for queue in listed(given, "workerQueues")]
    _refuse_twice("workerQueues", (queue["name"] for queue in queues))
    if [queue["name"] for queue in queues if queue["isDefault"]] != ["default"]:
        raise invalid("workerQueues", "one queue, named default, has to be the default queue")
    needed = "nodePoolId" if given.get("type") == "HYBRID" else "astroMachine"
    known = {str(queue["id"]) for queue in listed(before, "workerQueues")}
    for index, queue in enumerate(queues):
        if not queue.get(needed):
            raise invalid(f"workerQueues[{index}].{needed}", "required", "required")
        if queue.get("id") and known and queue["id"] not in known:
            raise invalid(f"workerQueues[{index}].id", "no such worker queue was found")
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
