"""Deployments of every type: created, updated as a whole, deleted; their logs."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, Clock, basic, push

Json = dict[str, Any]

HOSTED_QUEUE: Json = {
    "isDefault": False,
    "astroMachine": "A20",
    "maxWorkerCount": 5,
    "minWorkerCount": 1,
    "workerConcurrency": 10,
}
HYBRID_QUEUE: Json = {
    "isDefault": False,
    "nodePoolId": "clnodepool",
    "maxWorkerCount": 5,
    "minWorkerCount": 1,
    "workerConcurrency": 10,
}
SCHEDULE = {"hibernateAtCron": "0 20 * * *", "wakeAtCron": "0 6 * * *", "isEnabled": True}


def queues(queue: Json) -> list[Json]:
    """Three queues, one of which is the default one."""
    names = ("default", "heavy", "light")
    return [queue | {"name": name, "isDefault": name == "default"} for name in names]


def variables() -> list[Json]:
    """Fifty environment variables, ten of them secret."""
    return [
        {"key": f"KEY_{number}", "value": f"value {number}", "isSecret": number % 5 == 0}
        for number in range(50)
    ]


def full(kind: str) -> Json:
    """Make the request for a Deployment of a type with everything that it can have."""
    shared: Json = {
        "type": kind,
        "description": "everything",
        "contactEmails": ["ada@example.com"],
        "executor": "CELERY",
        "isDagDeployEnabled": True,
        "environmentVariables": variables(),
        "workloadIdentity": "arn:aws:iam::1:role/mine",
    }
    if kind == "HYBRID":
        return shared | {
            "clusterId": "clcluster",
            "scheduler": {"au": 12, "replicas": 2},
            "workerQueues": queues(HYBRID_QUEUE),
        }
    place = {"clusterId": "clcluster"}
    if kind == "STANDARD":
        place = {"cloudProvider": "GCP", "region": "us-east4"}
    return (
        shared
        | place
        | {
            "isDevelopmentMode": True,
            "schedulerSize": "MEDIUM",
            "defaultTaskPodCpu": "0.5",
            "defaultTaskPodMemory": "1Gi",
            "resourceQuotaCpu": "20",
            "resourceQuotaMemory": "40Gi",
            "scalingSpec": {"hibernationSpec": {"schedules": [SCHEDULE]}},
            "workerQueues": queues(HOSTED_QUEUE),
        }
    )


def whole(shown: Json) -> Json:
    """Turn what GET shows into the update that changes nothing."""
    keys = (
        "type name workspaceId executor isCicdEnforced isDagDeployEnabled description "
        "contactEmails schedulerSize isHighAvailability isDevelopmentMode defaultTaskPodCpu "
        "defaultTaskPodMemory resourceQuotaCpu resourceQuotaMemory scalingSpec"
    )
    hidden = {"podCpu", "podMemory", "updatedAt"}
    body: Json = {key: shown[key] for key in keys.split() if key in shown}
    for name in ("workerQueues", "environmentVariables"):
        body[name] = [{k: v for k, v in one.items() if k not in hidden} for one in shown[name]]
    if shown["type"] == "HYBRID":
        body["scheduler"] = {"au": shown["schedulerAu"], "replicas": shown["schedulerReplicas"]}
    return body


def create(api: Client, name: str, /, *, status: int = 200, **body: Any) -> Json:
    request = {"name": name, "workspaceId": api.astro.workspace_id, **body}
    return api.call("POST", api.org("/deployments"), json=request, status=status)


def test_a_new_deployment_runs_the_newest_runtime(api: Client) -> None:
    newest, *_ = api.call("GET", api.org("/deployment-options"))["runtimeReleases"]
    made = create(api, "made")
    assert made["astroRuntimeVersion"] == newest["version"]
    assert made["airflowVersion"] == newest["airflowVersion"]


@pytest.mark.parametrize("kind", ["STANDARD", "DEDICATED", "HYBRID"])
def test_a_deployment_has_what_its_request_says(api: Client, clock: Clock, kind: str) -> None:
    made = create(api, "made", **full(kind))

    assert made["status"] == "CREATING"
    assert len(made["environmentVariables"]) == 50
    assert len([one for one in made["environmentVariables"] if "value" in one]) == 40
    assert [one["name"] for one in made["workerQueues"]] == ["default", "heavy", "light"]
    assert made["effectiveWorkloadIdentity"] == "arn:aws:iam::1:role/mine"
    assert made["description"] == "everything"
    if kind == "STANDARD":
        assert (made["cloudProvider"], made["region"]) == ("GCP", "us-east4")
    else:
        assert made["clusterId"] == "clcluster"
    if kind == "HYBRID":
        assert (made["schedulerAu"], made["schedulerReplicas"]) == (12, 2)
    else:
        assert made["scalingSpec"]["hibernationSpec"]["schedules"] == [SCHEDULE]
    clock.advance(59)
    assert api.deployment("made")["status"] == "CREATING"
    clock.advance(2)
    assert api.deployment("made")["status"] == "HEALTHY"


@pytest.mark.parametrize("kind", ["STANDARD", "DEDICATED", "HYBRID"])
def test_an_update_of_what_is_shown_changes_one_thing(api: Client, clock: Clock, kind: str) -> None:
    before = create(api, "made", **full(kind))
    clock.advance(61)

    body = whole(before) | {"isDagDeployEnabled": False}
    after = api.call("POST", api.path("made"), json=body)

    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert changed - {"updatedAt", "status", "statusReason"} == {"isDagDeployEnabled"}
    secrets = api.astro._record("made").settings["environmentVariables"]
    assert [one["value"] for one in secrets] == [  # type: ignore[attr-defined]
        one["value"] for one in variables()
    ]


def test_what_an_update_leaves_out_is_unset(api: Client) -> None:
    create(api, "made", **full("DEDICATED"))

    after = api.update("made", contactEmails=["bob@example.com"])

    assert after["contactEmails"] == ["bob@example.com"]
    assert "description" not in after
    assert [one["name"] for one in after["workerQueues"]] == ["default"]
    assert after["scalingSpec"]["hibernationSpec"]["schedules"] == []
    assert after["resourceQuotaCpu"] == "10"
    # An identity that is left out stays, as the platform has it.
    assert after["effectiveWorkloadIdentity"] == "arn:aws:iam::1:role/mine"


def test_a_deployment_needs_a_name_and_a_workspace_alone(api: Client) -> None:
    made = create(api, "plain")
    assert (made["type"], made["executor"], made["isDagDeployEnabled"]) == (
        "STANDARD",
        "CELERY",
        False,
    )
    found = api.call("GET", api.org("/deployments"), params={"names": "plain"})
    assert [one["id"] for one in found["deployments"]] == [made["id"]]


def test_a_kubernetes_executor_has_no_queues(api: Client) -> None:
    made = create(api, "made", executor="KUBERNETES", workerQueues=queues(HOSTED_QUEUE))
    assert "workerQueues" not in made


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"workspaceId": "cl0"}, "workspaceId"),
        ({"name": "production"}, "name"),
        ({"name": ""}, "name"),
        ({"astroRuntimeVersion": "1.0"}, "astroRuntimeVersion"),
        ({"cloudProvider": "AWS"}, "region"),
        ({"type": "OTHER"}, "type"),
        ({"type": "HYBRID", "executor": "ASTRO"}, "executor"),
        ({"type": "HYBRID", "scheduler": {"au": 4}}, "scheduler.au"),
        (
            {"environmentVariables": [{"key": "A", "isSecret": True}]},
            "environmentVariables[0].value",
        ),
        (
            {"environmentVariables": [{"key": "A", "isSecret": False, "value": "1"}] * 2},
            "environmentVariables",
        ),
        ({"workerQueues": [HOSTED_QUEUE | {"name": "other"}]}, "workerQueues"),
        ({"workerQueues": queues(HOSTED_QUEUE) + queues(HOSTED_QUEUE)}, "workerQueues"),
        ({"isHighAvailability": None}, "isHighAvailability"),
    ],
)
def test_a_bad_deployment_is_refused_by_field(api: Client, body: Json, field: str) -> None:
    request = {"name": "new", "workspaceId": api.astro.workspace_id} | body
    error = api.call("POST", api.org("/deployments"), json=request, status=400)
    assert error["fieldErrors"][0]["field"] == field
    assert api.call("GET", api.org("/deployments"))["totalCount"] == 3


def test_a_bad_queue_of_an_update_is_refused(api: Client) -> None:
    create(api, "hybrid", **full("HYBRID"))
    body = whole(api.deployment("hybrid"))
    for change, field in (
        ({"nodePoolId": ""}, "workerQueues[0].nodePoolId"),
        ({"id": "cl0"}, "workerQueues[0].id"),
    ):
        first, *rest = body["workerQueues"]
        bad = body | {"workerQueues": [first | change, *rest]}
        error = api.call("POST", api.path("hybrid"), json=bad, status=400)
        assert error["fieldErrors"][0]["field"] == field


def test_development_mode_is_chosen_at_creation(api: Client) -> None:
    error = api.update("production", isDevelopmentMode=True, status=400)
    assert error["fieldErrors"][0]["field"] == "isDevelopmentMode"
    assert api.update("development", isDevelopmentMode=False)["isDevelopmentMode"] is False


def test_a_secret_never_becomes_readable(api: Client) -> None:
    secret = {"key": "KEY", "isSecret": True}
    api.update("production", environmentVariables=[secret | {"value": "s3cret"}])
    shown = api.update("production", environmentVariables=[{"key": "KEY", "isSecret": False}])
    assert shown["environmentVariables"][0]["value"] == ""


def test_a_deleted_deployment_is_gone_with_all_it_had(api: Client, astro: Sandbox) -> None:
    made = create(api, "made", isDagDeployEnabled=True)
    api.deploy_image("made", dags=b"dags")
    bundle = api.create("BUNDLE", "made", bundleMountPath="/a", bundleType="dbt")
    token = astro.deployment_tokens[made["id"]]
    path = api.path("made")

    api.call("DELETE", path, status=204)

    api.call("GET", path, status=404)
    api.call("DELETE", path, status=404)
    api.call("GET", f"{path}/deploys/{bundle['id']}", status=404)
    assert api.call("GET", api.org("/deployments"))["totalCount"] == 3
    name = made["imageRepository"].partition("/")[2]
    tags = requests.get(f"{astro.api_url}/v2/{name}/tags/list", headers=basic(astro), timeout=10)
    assert tags.status_code == 404
    upload = requests.put(bundle["bundleUploadUrl"], b"late", timeout=10)
    assert upload.status_code in (400, 404)
    orphan = requests.get(
        f"{astro.api_url}/v1/organizations",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
    )
    assert orphan.status_code == 401


def test_a_deleted_production_takes_its_key_along(api: Client, astro: Sandbox) -> None:
    form = {
        "client_id": astro.key_id,
        "client_secret": astro.key_secret,
        "audience": "astronomer-ee",
        "grant_type": "client_credentials",
    }
    url = f"{astro.api_url}/oauth/token"
    assert requests.post(url, form, timeout=10).status_code == 200
    api.call("DELETE", api.path("production"), status=204)
    assert requests.post(url, form, timeout=10).status_code == 401


def test_a_token_of_one_deployment_creates_and_deletes_none(
    api: Client, astro: Sandbox, maybe_document: Any
) -> None:
    token = astro.deployment_tokens[api.deployment()["id"]]
    client = Client(astro, maybe_document, token)
    create(client, "new", status=403)
    client.call("DELETE", client.path("production"), status=403)
    assert client.deployment()["name"] == "production"
    client.close()


def test_the_log_tells_what_deploys_did(api: Client, clock: Clock) -> None:
    first = api.deploy_image(dags=b"dags")
    clock.advance(120)
    deploy = api.create("IMAGE_ONLY")
    push(api.astro, deploy, "3.1-2")
    api.finalize(deploy)

    def lines(**params: Any) -> list[str]:
        params = {"sources": ["scheduler", "dag-processor", "apiserver", "webserver"]} | params
        found = api.call("GET", api.path("production", "/logs"), params=params)
        assert found["resultCount"] == len(found["results"])
        return [one["raw"] for one in found["results"]]

    assert len(lines()) == 5
    assert "3.1.0" in lines()[0]
    assert lines(sources="dag-processor") == [
        f"[dag-processor] Loading DAG bundle {first['dagTarballVersion']}"
    ]
    assert lines(sources="scheduler", range=60) == lines(sources="scheduler", limit=1)
    assert lines(offset=4) == lines()[4:]
    assert lines(maxNumResults=2) == lines()[:2]
    assert lines(searchText="nothing like it") == []
    assert lines(startDate="2001-01-01T00:00:00Z", endDate="2001-01-02T00:00:00Z") == []


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"sources": "kernel"},
        {"sources": "worker", "limit": 0},
        {"sources": "worker", "range": 59},
        {"sources": "worker", "startDate": "2001-01-01T00:00:00Z"},
        {"sources": "worker", "startDate": "x", "endDate": "x"},
        {"sources": "worker", "offset": "9" * 5000},
    ],
)
def test_a_bad_question_about_the_log_is_refused(api: Client, params: Json) -> None:
    api.call("GET", api.path("production", "/logs"), params=params, status=400)


def test_the_library_creates_deployments_too(astro: Sandbox, api: Client) -> None:
    made = astro.create_deployment("staging", type="DEDICATED", isDagDeployEnabled=True)
    assert (made.name, made.status) == ("staging", "CREATING")
    assert api.deployment("staging")["id"] == made.id
    with pytest.raises(ValueError, match="already exists"):
        astro.create_deployment("staging")
