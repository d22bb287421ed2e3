"""Make the update of one setting of a Deployment as raw JSON, and compare settings. Pure.

An update replaces the whole Deployment, and Astro may unset a missing setting. Therefore the update
repeats all fields of the GET response, including unknown fields, except those that an update does
not accept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from astro_ci.errors import ApiError
from astro_ci.text import excerpt

Json = dict[str, Any]

FLAG = "isDagDeployEnabled"
_SHOWN_ALONE = frozenset(
    {
        "airflowVersion",
        "apiUrl",
        "astroRuntimeVersion",
        "cloudProvider",
        "clusterId",
        "clusterName",
        "createdAt",
        "createdBy",
        "dagTarballVersion",
        "desiredDagTarballVersion",
        "drExternalIPs",
        "drOidcIssuerUrl",
        "effectiveDRWorkloadIdentity",
        "effectiveWorkloadIdentity",
        "externalIPs",
        "id",
        "imageRepository",
        "imageTag",
        "imageVersion",
        "namespace",
        "oidcIssuerUrl",
        "organizationId",
        "region",
        "runtimeVersion",
        "scalingStatus",
        "schedulerAu",
        "schedulerCpu",
        "schedulerMemory",
        "schedulerReplicas",
        "status",
        "statusReason",
        "uiUrl",
        "updatedAt",
        "updatedBy",
        "webServerAirflowApiUrl",
        "webServerCpu",
        "webServerIngressHostname",
        "webServerMemory",
        "webServerReplicas",
        "webServerUrl",
        "workspaceName",
    }
)
"""Fields of the GET response that an update does not accept. Astro keeps the identities."""
_HOSTED_ALONE = frozenset(
    {
        "defaultTaskPodCpu",
        "defaultTaskPodMemory",
        "isDevelopmentMode",
        "isHighAvailability",
        "remoteExecution",
        "resourceQuotaCpu",
        "resourceQuotaMemory",
        "scalingSpec",
        "schedulerSize",
    }
)
_NOT_OF: Mapping[str, frozenset[str]] = {
    "STANDARD": frozenset({"taskPodNodePoolId"}),
    "DEDICATED": frozenset({"taskPodNodePoolId"}),
    "HYBRID": _HOSTED_ALONE,
}
_STATE = frozenset(
    {
        "dagTarballVersion",
        "desiredDagTarballVersion",
        "scalingStatus",
        "status",
        "statusReason",
        "updatedAt",
        "updatedBy",
    }
)
"""Keys that are not settings, and that Astro changes by itself."""
_KEY_OF = {"environmentVariables": "key", "workerQueues": "name"}


class Difference(Struct, frozen=True, kw_only=True):
    """A setting that differs between two reads of the Deployment."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.path.startswith("environmentVariables["):  # may be a secret
            how = {self.before is None: "is new", self.after is None: "is gone"}
            return f"{self.path} {how.get(True, 'changed')}"
        return f"{self.path} was {_shown(self.before)} and is now {_shown(self.after)}"


def update_request(shown: Mapping[str, Any], *, enable: bool) -> Json:
    """Make the update that sets DAG-only deploys and nothing else, from the GET response.

    Raises ApiError for an unknown type of Deployment. Source: schemas
    Update...DeploymentRequest.
    """
    kind = str(shown.get("type"))
    if kind not in _NOT_OF:
        raise ApiError(
            f"astro-ci does not know Deployments of the type {excerpt(kind)}, and updates none",
            hint="Switch DAG-only deploys in the Deployment's settings in Astro.",
        )
    left_out = _SHOWN_ALONE | _NOT_OF[kind]
    body = {k: v for k, v in shown.items() if k not in left_out and v is not None}
    variables = [_without(one, "updatedAt") for one in shown.get("environmentVariables") or ()]
    # GET shows a secret without its value; Astro keeps the value when the update sends none.
    body["environmentVariables"] = [
        _without(one, "value") if one.get("isSecret") else one for one in variables
    ]
    queues = body.pop("workerQueues", None)
    if queues and shown.get("executor") != "KUBERNETES":
        body["workerQueues"] = [_without(one, "podCpu", "podMemory") for one in queues]
    if "remoteExecution" in body:
        body["remoteExecution"] = _without(body["remoteExecution"], "remoteApiUrl")
    if "scalingSpec" in body:
        body["scalingSpec"] = _scaling(body["scalingSpec"])
    if kind == "HYBRID":
        body["scheduler"] = {"au": shown["schedulerAu"], "replicas": shown["schedulerReplicas"]}
    return {**body, FLAG: enable}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Sequence[Difference]:
    """List the settings that differ, except DAG-only deploys and keys that are not settings."""
    aside = _STATE | {FLAG}
    return list(
        _differing(
            "",
            {k: v for k, v in before.items() if k not in aside},
            {k: v for k, v in after.items() if k not in aside},
        )
    )


def _differing(path: str, before: Any, after: Any) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        before, after = _comparable(before), _comparable(after)
        for key in sorted({*before, *after}):
            name = f"{path}.{key}" if path else key
            yield from _differing(name, before.get(key), after.get(key))
        return
    by = _KEY_OF.get(path)
    if by and isinstance(before, list) and isinstance(after, list):
        first, second = ({str(one.get(by)): one for one in many} for many in (before, after))
        for key in sorted({*first, *second}):
            yield from _differing(f"{path}[{excerpt(key)}]", first.get(key), second.get(key))
        return
    if (before or None) != (after or None):
        yield Difference(path=path, before=before, after=after)


def _comparable(value: Mapping[str, Any]) -> Json:
    """Leave out the time of the last change, and an expired override of hibernation."""
    found = _without(value, "updatedAt")
    override = found.get("override")
    if isinstance(override, dict) and override.get("isActive") is False:
        found.pop("override")
    return found


def _scaling(spec: Mapping[str, Any]) -> Json:
    """Keep a hibernation override only while active, without its key `isActive`."""
    hibernation = spec.get("hibernationSpec")
    if not isinstance(hibernation, dict):
        return dict(spec)
    override = hibernation.get("override") or {}
    hibernation = _without(hibernation, "override")
    if override.get("isActive"):
        hibernation["override"] = _without(override, "isActive")
    return {**spec, "hibernationSpec": hibernation}


def _without(value: Mapping[str, Any], *keys: str) -> Json:
    return {k: v for k, v in value.items() if k not in keys}


def _shown(value: Any) -> str:
    return "unset" if value is None else excerpt(repr(value))
