"""Every operation that the sandbox offers, held against the published API document."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.platform.bodies import CreateDeployRequest, FinalizeDeployRequest
from astro_ci.sandbox.platform.reading import read_body
from astro_ci.sandbox.platform.refusal import Refusal
from tests.integration.sandbox.support import Client, Clock, Document, push, upload

OFFERED = {
    ("GET", "/organizations"),
    ("GET", "/organizations/{organizationId}"),
    ("GET", "/organizations/{organizationId}/workspaces"),
    ("GET", "/organizations/{organizationId}/workspaces/{workspaceId}"),
    ("GET", "/organizations/{organizationId}/deployment-options"),
    ("GET", "/organizations/{organizationId}/deployments"),
    ("POST", "/organizations/{organizationId}/deployments"),
    ("GET", "/organizations/{organizationId}/users"),
    ("GET", "/organizations/{organizationId}/users/{userId}"),
    ("GET", "/organizations/{organizationId}/teams"),
    ("GET", "/organizations/{organizationId}/tokens"),
    ("GET", "/organizations/{organizationId}/tokens/{tokenId}"),
    ("GET", "/organizations/{organizationId}/environment-objects"),
    ("GET", "/users/self"),
    ("GET", "/organizations/{organizationId}/deployments/{deploymentId}"),
    ("DELETE", "/organizations/{organizationId}/deployments/{deploymentId}"),
    ("GET", "/organizations/{organizationId}/deployments/{deploymentId}/logs"),
    ("POST", "/organizations/{organizationId}/deployments/{deploymentId}"),
    ("POST", "/organizations/{organizationId}/deployments/{deploymentId}/hibernation-override"),
    ("DELETE", "/organizations/{organizationId}/deployments/{deploymentId}/hibernation-override"),
    ("GET", "/organizations/{organizationId}/deployments/{deploymentId}/deploys"),
    ("POST", "/organizations/{organizationId}/deployments/{deploymentId}/deploys"),
    ("GET", "/organizations/{organizationId}/deployments/{deploymentId}/deploys/{deployId}"),
    ("POST", "/organizations/{organizationId}/deployments/{deploymentId}/deploys/{deployId}"),
    (
        "POST",
        "/organizations/{organizationId}/deployments/{deploymentId}/deploys/{deployId}/finalize",
    ),
    (
        "POST",
        "/organizations/{organizationId}/deployments/{deploymentId}/deploys/{deployId}/rollback",
    ),
}

GITHUB = {
    "provider": "GITHUB",
    "account": "ada",
    "repo": "engine",
    "commitSha": "0" * 40,
    "branch": "main",
    "path": "astro",
    "authorName": "Ada Lovelace",
    "authorUsername": "ada",
    "commitUrl": "https://github.com/ada/engine/commit/0",
}
GENERIC = {"provider": "GENERIC", "remoteUrl": "https://git.example.com/a.git", "commitSha": "1"}


def test_a_whole_life_stays_within_the_document(
    document: Document, api: Client, astro: Sandbox, clock: Clock
) -> None:
    api.call("GET", "/organizations")
    api.call("GET", api.org())
    api.call("GET", api.org("/workspaces"))
    api.call("GET", api.org(f"/workspaces/{astro.workspace_id}"))
    api.call("GET", api.org("/deployment-options"))
    api.call("GET", api.org("/deployments"))
    api.call("GET", api.path("production", "/deploys"))

    first = api.create("IMAGE_AND_DAG", description="first", git=GITHUB)
    push(astro, first)
    api.finalize(first, dagTarballVersion=upload(first, b"dags 1"))
    assert api.deployment()["status"] == "DEPLOYING"
    clock.advance(61)
    api.deploy_dags(b"dags 2", git=GENERIC)
    api.deploy_image(runtime="3.1-2")
    mounted = api.create("BUNDLE", bundleMountPath="/usr/local/airflow/dbt/a", bundleType="dbt")
    api.finalize(mounted, bundleTarballVersion=upload(mounted, b"dbt"))
    api.call("GET", api.path("production", f"/deploys/{mounted['id']}"))
    one = api.path("production", f"/deploys/{first['id']}")
    api.call("POST", one, json={"description": "the first one"})
    api.call("POST", one + "/rollback", json={"description": "back"})
    api.call("GET", api.path("production", "/deploys"), params={"limit": 2, "offset": 1})
    api.update("production", description="mine", contactEmails=["ada@example.com"])
    override = api.path("development", "/hibernation-override")
    api.call(
        "POST", override, json={"isHibernating": True, "overrideUntil": "2031-01-02T03:04:05Z"}
    )
    assert api.deployment("development")["status"] == "HIBERNATING"
    api.call("DELETE", override, status=204)

    for what in ("users", "teams", "tokens", "environment-objects"):
        api.call("GET", api.org(f"/{what}"))
    person = Client(astro, document, astro.session_token)
    user = person.call("GET", "/users/self", params={"createIfNotExist": "true"})
    person.close()
    api.call("GET", api.org(f"/users/{user['id']}"))
    token = api.call("GET", api.org("/tokens"))["tokens"][0]
    api.call("GET", api.org(f"/tokens/{token['id']}"))
    api.call("GET", api.path("production", "/logs"), params={"sources": ["scheduler", "worker"]})
    new = {"name": "new", "workspaceId": astro.workspace_id}
    api.call("POST", api.org("/deployments"), json=new)
    api.call("DELETE", api.path("new"), status=204)

    done = {(method, path) for path, method, status in document.exercised if status < 300}
    assert done == OFFERED


def test_an_update_with_everything_comes_back(document: Document, api: Client) -> None:
    queue = {
        "name": "default",
        "isDefault": True,
        "astroMachine": "A20",
        "maxWorkerCount": 5,
        "minWorkerCount": 1,
        "workerConcurrency": 10,
    }
    schedule = {"hibernateAtCron": "0 20 * * *", "wakeAtCron": "0 6 * * *", "isEnabled": True}
    override = {"isHibernating": True, "overrideUntil": "2031-01-02T03:04:05Z"}
    answer = api.update(
        "development",
        name="staging",
        description="a stage",
        schedulerSize="LARGE",
        isHighAvailability=True,
        workerQueues=[queue],
        environmentVariables=[
            {"key": "OPEN", "value": "1", "isSecret": False},
            {"key": "SHUT", "value": "s3cret", "isSecret": True},
        ],
        scalingSpec={"hibernationSpec": {"schedules": [schedule], "override": override}},
    )

    assert answer["name"] == "staging"
    assert answer["schedulerReplicas"] == 2
    assert answer["schedulerCpu"] == "4"
    assert (answer["workerQueues"][0]["podCpu"], answer["workerQueues"][0]["podMemory"]) == (
        "4",
        "8Gi",
    )
    assert answer["scalingSpec"]["hibernationSpec"]["schedules"] == [schedule]
    assert answer["scalingStatus"]["hibernationStatus"]["isHibernating"] is True
    shown = {one["key"]: one.get("value") for one in answer["environmentVariables"]}
    assert shown == {"OPEN": "1", "SHUT": None}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({}, "type", id="no type"),
        pytest.param({"type": "DAGS"}, "type", id="unknown type"),
        pytest.param({"type": "DAG_ONLY", "description": "x" * 501}, "description", id="long"),
        pytest.param({"type": "DAG_ONLY", "description": None}, "description", id="null"),
        pytest.param(
            {"type": "DAG_ONLY", "git": {"provider": "GITHUB"}}, "git.commitSha", id="sha"
        ),
        pytest.param(
            {"type": "DAG_ONLY", "git": GENERIC | {"commitSha": 7}}, "git.commitSha", id="number"
        ),
        pytest.param(
            {"type": "DAG_ONLY", "git": GENERIC | {"provider": "GITLAB"}},
            "git.provider",
            id="forge",
        ),
        pytest.param(
            {"type": "DAG_ONLY", "git": GENERIC | {"account": "a"}}, "git.account", id="account"
        ),
        pytest.param({"type": "DAG_ONLY", "git": GITHUB | {"repo": ""}}, "git.repo", id="no repo"),
        pytest.param(
            {"type": "DAG_ONLY", "git": GITHUB | {"remoteUrl": "x"}}, "git.remoteUrl", id="remote"
        ),
        pytest.param({"type": "BUNDLE", "bundleType": "dbt"}, "bundleMountPath", id="no mount"),
        pytest.param({"type": "BUNDLE", "bundleMountPath": "/a"}, "bundleType", id="no kind"),
        pytest.param([], "body", id="not an object"),
    ],
)
def test_a_bad_deploy_is_refused_by_field(api: Client, body: Any, field: str) -> None:
    error = api.call("POST", api.path("production", "/deploys"), json=body, status=400)

    assert [problem["field"] for problem in error["fieldErrors"]] == [field]
    assert error["statusCode"] == 400
    assert field in error["message"]
    assert api.call("GET", api.path("production", "/deploys"))["totalCount"] == 0


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b'"', b"{}" * (1 << 20)], ids=repr)
def test_a_body_that_is_not_json_is_refused(api: Client, raw: bytes) -> None:
    path = api.path("production", "/deploys")
    assert "requestId" in api.call("POST", path, data=raw, status=400)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"isDagDeployEnabled": "yes"}, "isDagDeployEnabled"),
        ({"type": "DEDICATED"}, "type"),
        ({"workspaceId": "cl0"}, "workspaceId"),
        ({"name": "classic"}, "name"),
        ({"executor": "LOCAL"}, "executor"),
        ({"workerQueues": []}, "workerQueues"),
        (
            {"scalingSpec": {"hibernationSpec": {"override": {"overrideUntil": "soon"}}}},
            "scalingSpec.hibernationSpec.override.overrideUntil",
        ),
    ],
)
def test_a_bad_update_changes_nothing(api: Client, changes: dict[str, Any], field: str) -> None:
    before = api.deployment()

    error = api.update("production", status=400, **changes)

    assert error["fieldErrors"][0]["field"] == field
    assert api.deployment() == before


def test_an_update_must_be_whole(api: Client) -> None:
    body = {"isDagDeployEnabled": False}
    error = api.call("POST", api.path("production"), json=body, status=400)
    assert error["fieldErrors"][0]["code"] == "required"


TEXT = st.text(max_size=5)
ANYTHING = st.none() | st.booleans() | st.integers(-3, 3) | TEXT
GIT = st.fixed_dictionaries(
    {},
    optional={
        "provider": st.sampled_from(["GITHUB", "GENERIC", "OTHER"]) | ANYTHING,
        "commitSha": ANYTHING,
        "account": ANYTHING,
        "branch": ANYTHING,
    },
)
CREATE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["IMAGE_AND_DAG", "DAG_ONLY", "BUNDLE"]) | ANYTHING,
        "description": st.text(min_size=499, max_size=502) | ANYTHING,
        "git": GIT | ANYTHING,
        "bundleMountPath": ANYTHING,
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=CREATE)
def test_bodies_are_read_as_strictly_as_the_document_says(document: Document, body: Any) -> None:
    assert _reads(body, CreateDeployRequest) == document.accepts("CreateDeployRequest", body)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    body=st.dictionaries(
        st.sampled_from(["dagTarballVersion", "bundleTarballVersion"]), ANYTHING | TEXT
    )
)
def test_finalize_is_read_as_strictly_as_the_document_says(document: Document, body: Any) -> None:
    assert _reads(body, FinalizeDeployRequest) == document.accepts("FinalizeDeployRequest", body)


def _reads(body: object, kind: type[msgspec.Struct]) -> bool:
    try:
        read_body(msgspec.json.encode(body), kind)
    except Refusal:
        return False
    return True
