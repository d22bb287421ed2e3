"""What deploys do, and which are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.store.ids import timestamp
from tests.integration.sandbox.support import Client, Clock, push, upload

AWAKE = {"isHibernating": False}


def test_a_created_deploy_runs_nothing(api: Client, astro: Sandbox) -> None:
    before = api.deployment()

    deploy = api.create("IMAGE_AND_DAG")

    assert deploy["status"] == "INITIALIZED"
    assert re.fullmatch(r"deploy-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-[0-9a-f]{6}", deploy["imageTag"])
    assert deploy["imageRepository"] == before["imageRepository"]
    assert deploy["imageRepository"].startswith(f"{astro.registry}/")
    assert deploy["imageRepository"].endswith(f"/{before['id']}")
    assert deploy["dagsUploadUrl"].startswith(f"{astro.api_url}/blobs/")
    assert api.deployment() == before


def test_every_deploy_has_its_own_tag(api: Client) -> None:
    tags = {api.create("IMAGE_ONLY")["imageTag"] for _ in range(20)}
    assert len(tags) == 20


def test_no_upload_url_without_dag_deploys(api: Client) -> None:
    deploy = api.create("IMAGE_AND_DAG", "classic")
    assert "dagsUploadUrl" not in deploy
    assert deploy["isDagDeployEnabled"] is False


def test_upload_urls_are_shown_only_while_they_are_needed(api: Client) -> None:
    deploy = api.create("DAG_ONLY")
    path = api.path("production", f"/deploys/{deploy['id']}")
    assert "dagsUploadUrl" in api.call("GET", path)
    assert "dagsUploadUrl" not in api.call("GET", api.path("production", "/deploys"))["deploys"][0]

    finalized = api.finalize(deploy, dagTarballVersion=upload(deploy, b"dags"))

    assert "dagsUploadUrl" not in finalized
    assert "dagsUploadUrl" not in api.call("GET", path)


def test_a_dag_deploy_moves_the_bundle_alone(api: Client, astro: Sandbox, clock: Clock) -> None:
    api.deploy_image(dags=b"dags 1")
    clock.advance(61)
    tag = api.deployment()["imageTag"]

    done = api.deploy_dags(b"dags 2")

    assert done["status"] == "DEPLOYED"
    assert done["imageTag"] == tag
    deployment = api.deployment()
    assert deployment["imageTag"] == tag
    assert deployment["desiredDagTarballVersion"] == done["dagTarballVersion"]
    assert astro.bundle("production") == b"dags 2"


def test_an_image_deploy_moves_the_image_alone(api: Client, astro: Sandbox) -> None:
    version = api.deploy_dags(b"dags")["dagTarballVersion"]

    done = api.deploy_image(runtime="3.1-2")

    assert (done["type"], done["dagTarballVersion"]) == ("IMAGE_ONLY", version)
    assert (done["astroRuntimeVersion"], done["airflowVersion"]) == ("3.1-2", "3.1.0")
    deployment = api.deployment()
    assert deployment["imageTag"] == done["imageTag"]
    assert deployment["astroRuntimeVersion"] == "3.1-2"
    assert deployment["desiredDagTarballVersion"] == version
    assert astro.image_config("production")["config"]


@pytest.mark.parametrize("version", ["", "2020-01-01T00:00:00.0000000Z"])
def test_an_image_deploy_ignores_a_bundle_version(api: Client, version: str) -> None:
    """The Astro CLI sends the empty or the running one."""
    deploy = api.create("IMAGE_ONLY")
    push(api.astro, deploy)
    assert "dagTarballVersion" not in api.finalize(deploy, dagTarballVersion=version)


def test_a_full_deploy_without_dags_leaves_those_that_run(
    api: Client, astro: Sandbox, clock: Clock
) -> None:
    version = api.deploy_dags(b"dags")["dagTarballVersion"]
    deploy = api.create("IMAGE_AND_DAG")
    push(api.astro, deploy)

    done = api.finalize(deploy, dagTarballVersion="")

    clock.advance(61)
    assert (done["status"], done["imageTag"]) == ("DEPLOYED", deploy["imageTag"])
    assert "dagTarballVersion" not in done
    deployment = api.deployment()
    assert deployment["dagTarballVersion"] == version
    assert deployment["imageTag"] == deploy["imageTag"]
    api.deploy_dags(b"newer")
    api.call("POST", api.path("production", f"/deploys/{deploy['id']}/rollback"), json={})
    assert astro.bundle("production") == b"dags"


def test_without_dag_deploys_an_image_brings_the_dags(api: Client, clock: Clock) -> None:
    deploy = api.create("IMAGE_AND_DAG", "classic")
    push(api.astro, deploy, runtime="13.2.0")

    done = api.finalize(deploy, "classic")

    clock.advance(61)
    deployment = api.deployment("classic")
    assert "dagTarballVersion" not in done
    assert deployment["imageTag"] == done["imageTag"]
    assert deployment["astroRuntimeVersion"] == "13.2.0"
    assert deployment["status"] == "HEALTHY"


def test_an_unlabelled_image_leaves_the_runtime_version(api: Client) -> None:
    assert api.deploy_image(runtime="")["astroRuntimeVersion"] == "13.1.0"


def test_history_is_newest_first_in_pages(api: Client) -> None:
    made = [api.create("DAG_ONLY", description=str(i))["id"] for i in range(5)]

    def page(**params: int) -> list[str]:
        found = api.call("GET", api.path("production", "/deploys"), params=params)
        assert found["totalCount"] == 5
        return [one["id"] for one in found["deploys"]]

    assert page() == made[::-1]
    assert page(limit=2) == made[:2:-1]
    assert page(limit=2, offset=4) == made[:1]
    api.call("GET", api.path("production", "/deploys"), params={"limit": 1001}, status=400)


def test_git_and_description_come_back(api: Client) -> None:
    git = {"provider": "GENERIC", "remoteUrl": "git@example.com:a.git", "commitSha": "ab" * 20}
    deploy = api.create("DAG_ONLY", git=git, description="why")
    found = api.call("GET", api.path("production", f"/deploys/{deploy['id']}"))
    assert (found["git"], found["description"]) == (git, "why")


def test_a_description_can_be_changed(api: Client) -> None:
    deploy = api.create("DAG_ONLY", description="old")
    path = api.path("production", f"/deploys/{deploy['id']}")
    assert api.call("POST", path, json={"description": "new"})["description"] == "new"
    assert api.call("POST", path, json={})["description"] == "new"


# --- refusals -------------------------------------------------------------------------------------


def test_dag_deploys_must_be_enabled(api: Client) -> None:
    mount: Any = {"bundleMountPath": "/a", "bundleType": "dbt"}
    error = api.create("BUNDLE", "classic", status=400, **mount)
    assert "DAG deploys are not enabled for classic" in error["message"]
    # Clients look at what a created deploy says; so it can be created, and never finalized.
    deploy = api.create("DAG_ONLY", "classic")
    assert deploy["isDagDeployEnabled"] is False
    assert "dagsUploadUrl" not in deploy
    for body in ({}, {"dagTarballVersion": ""}, {"dagTarballVersion": "x"}):
        error = api.finalize(deploy, "classic", status=400, **body)
        assert "DAG deploys are not enabled for classic" in error["message"]


@pytest.mark.parametrize(
    ("kind", "given", "field"),
    [
        pytest.param("DAG_ONLY", {}, "dagTarballVersion", id="missing"),
        pytest.param("DAG_ONLY", {"dagTarballVersion": ""}, "dagTarballVersion", id="empty"),
        pytest.param("IMAGE_AND_DAG", {}, "dagTarballVersion", id="missing with image"),
        pytest.param(
            "DAG_ONLY",
            {"dagTarballVersion": "2024-01-12T18:32:20.5898930Z"},
            "dagTarballVersion",
            id="unknown",
        ),
        pytest.param("DAG_ONLY", {"dagTarballVersion": "../x"}, "dagTarballVersion", id="path"),
        pytest.param("DAG_ONLY", {"dagTarballVersion": "x" * 999}, "dagTarballVersion", id="long"),
    ],
)
def test_a_bundle_version_must_have_been_uploaded(
    api: Client, kind: str, given: dict[str, str], field: str
) -> None:
    deploy = api.create(kind)
    if kind == "IMAGE_AND_DAG":
        push(api.astro, deploy)
    error = api.finalize(deploy, status=400, **given)
    assert error["fieldErrors"][0]["field"] == field


def test_a_version_of_another_deployment_is_unknown(api: Client) -> None:
    version = upload(api.create("DAG_ONLY", "development"), b"theirs")
    deploy = api.create("DAG_ONLY", "production")
    api.finalize(deploy, status=400, dagTarballVersion=version)
    assert api.deployment()["status"] == "HEALTHY"


def test_a_version_means_nothing_without_dag_deploys(api: Client) -> None:
    deploy = api.create("IMAGE_AND_DAG", "classic")
    push(api.astro, deploy)
    api.finalize(deploy, "classic", status=400, dagTarballVersion="2024-01-12T18:32:20.5898930Z")


@pytest.mark.parametrize("name", ["production", "classic"])
def test_an_image_must_have_been_pushed(api: Client, name: str) -> None:
    deploy = api.create("IMAGE_AND_DAG", name)
    body: Any = {"dagTarballVersion": upload(deploy, b"x")} if name == "production" else {}

    error = api.finalize(deploy, name, status=400, **body)

    assert deploy["imageTag"] in error["message"]
    push(api.astro, deploy)
    api.finalize(deploy, name, **body)


def test_a_deploy_is_finalized_once(api: Client) -> None:
    deploy = api.create("DAG_ONLY")
    version = upload(deploy, b"dags")
    api.finalize(deploy, dagTarballVersion=version)
    error = api.finalize(deploy, status=400, dagTarballVersion=version)
    assert "already been finalized" in error["message"]


def test_finalizing_an_unknown_deploy_is_forbidden(api: Client, astro: Sandbox) -> None:
    """The document lists no 404 here, alone of the operations on one deploy."""
    deploy = api.create("DAG_ONLY")
    headers = {"Authorization": f"Bearer {astro.token}"}
    for path in (
        api.path("production", "/deploys/cl0/finalize"),
        api.path("development", f"/deploys/{deploy['id']}/finalize"),
        api.path("production", "/deploys/cl0/finalize").replace(
            "organizations/c", "organizations/d"
        ),
    ):
        answer = requests.post(f"{astro.api_url}/v1{path}", json={}, headers=headers, timeout=10)
        assert (answer.status_code, answer.json()["statusCode"]) == (403, 403), path


# --- rollback -------------------------------------------------------------------------------------


def test_a_rollback_restores_image_and_dags(api: Client, astro: Sandbox, clock: Clock) -> None:
    first = api.deploy_image(dags=b"dags 1", runtime="13.1.0")
    api.deploy_image(dags=b"dags 2", runtime="13.2.0")
    clock.advance(61)
    path = api.path("production", f"/deploys/{first['id']}/rollback")

    back = api.call("POST", path, json={"description": "oops"})

    assert (back["status"], back["type"]) == ("DEPLOYED", "IMAGE_AND_DAG")
    assert (back["rollbackFromId"], back["description"]) == (first["id"], "oops")
    assert back["id"] != first["id"]
    for key in ("imageTag", "dagTarballVersion", "astroRuntimeVersion"):
        assert back[key] == first[key]
    assert "git" not in back
    deployment = api.deployment()
    assert deployment["status"] == "DEPLOYING"
    assert deployment["imageTag"] == first["imageTag"]
    assert deployment["astroRuntimeVersion"] == "13.1.0"
    assert astro.bundle("production") == b"dags 1"
    assert astro.deploys("production")[0].rollback_from_id == first["id"]


def test_a_rollback_restores_the_dag_deploy_setting(api: Client) -> None:
    first = api.deploy_image(dags=b"dags")
    api.update("production", isDagDeployEnabled=False)
    path = api.path("production", f"/deploys/{first['id']}/rollback")

    api.call("POST", path, json={})

    deployment = api.deployment()
    assert deployment["isDagDeployEnabled"] is True
    assert deployment["desiredDagTarballVersion"] == first["dagTarballVersion"]


def test_only_what_ran_can_be_rolled_back_to(api: Client) -> None:
    deploy = api.create("DAG_ONLY")
    path = api.path("production", f"/deploys/{deploy['id']}/rollback")
    api.call("POST", path, json={}, status=400)


# --- bundles beside the DAGs ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/usr/local/airflow/dbt/a", "/../a b?c#d%2e", "/é/"])
def test_a_bundle_is_mounted_beside_the_dags(api: Client, path: str) -> None:
    version = api.deploy_dags(b"dags")["dagTarballVersion"]
    mount: Any = {"bundleMountPath": path, "bundleType": "dbt"}
    deploy = api.create("BUNDLE", **mount)
    assert "dagsUploadUrl" not in deploy
    bundle = upload(deploy, b"dbt project")

    done = api.finalize(deploy, bundleTarballVersion=bundle)

    assert done["bundleMountPath"] == mount["bundleMountPath"]
    assert done["bundles"] == [
        {
            "bundleType": "dbt",
            "deployId": deploy["id"],
            "mountPath": mount["bundleMountPath"],
            "currentVersion": bundle,
            "desiredVersion": bundle,
        }
    ]
    assert "dagTarballVersion" not in done
    assert api.deployment()["desiredDagTarballVersion"] == version


def test_an_empty_version_removes_a_bundle(api: Client) -> None:
    first: Any = {"bundleMountPath": "/a", "bundleType": "dbt"}
    second: Any = {"bundleMountPath": "/b", "bundleType": "dbt"}
    for mount in (first, second):
        deploy = api.create("BUNDLE", **mount)
        done = api.finalize(deploy, bundleTarballVersion=upload(deploy, b"dbt"))
    assert [one["mountPath"] for one in done["bundles"]] == ["/a", "/b"]

    gone = api.finalize(api.create("BUNDLE", **first), bundleTarballVersion="")

    assert gone["status"] == "DEPLOYED"
    assert [one["mountPath"] for one in gone["bundles"]] == ["/b"]
    again = api.finalize(api.create("BUNDLE", **first), bundleTarballVersion="")
    assert [one["mountPath"] for one in again["bundles"]] == ["/b"]


def test_a_bundle_needs_a_version_of_its_own(api: Client) -> None:
    dags = api.deploy_dags(b"dags")["dagTarballVersion"]
    deploy = api.create("BUNDLE", bundleMountPath="/a", bundleType="dbt")
    for body in ({}, {"bundleTarballVersion": dags}):
        error = api.finalize(deploy, status=400, **body)
        assert error["fieldErrors"][0]["field"] == "bundleTarballVersion"


# --- settings -------------------------------------------------------------------------------------


def test_disabling_dag_deploys_forgets_the_bundle(api: Client, clock: Clock) -> None:
    api.deploy_dags(b"dags")
    clock.advance(61)

    disabled = api.update("production", isDagDeployEnabled=False)

    assert disabled["isDagDeployEnabled"] is False
    assert not {"dagTarballVersion", "desiredDagTarballVersion"} & set(disabled)
    enabled = api.update("production", isDagDeployEnabled=True)
    assert "desiredDagTarballVersion" not in enabled


def test_disabling_during_a_rollout_forgets_the_bundle_too(api: Client, clock: Clock) -> None:
    api.deploy_dags(b"dags")
    api.update("production", isDagDeployEnabled=False)
    clock.advance(61)
    assert "dagTarballVersion" not in api.deployment()


def test_secret_values_are_kept_and_never_shown(api: Client, astro: Sandbox) -> None:
    secret = {"key": "SHUT", "isSecret": True}
    api.update("production", environmentVariables=[secret | {"value": "s3cret"}])

    answer = api.update("production", isCicdEnforced=True)

    shown = answer["environmentVariables"]
    assert [set(one) for one in shown] == [{"key", "isSecret", "updatedAt"}]
    assert answer["isCicdEnforced"] is True


# --- hibernation ----------------------------------------------------------------------------------


def test_an_override_wakes_a_sleeping_deployment(api: Client, astro: Sandbox, clock: Clock) -> None:
    astro.hibernate("development")
    path = api.path("development", "/hibernation-override")
    assert api.deployment("development")["status"] == "HIBERNATING"

    shown = api.call("POST", path, json={"isHibernating": False})

    assert shown == {"isActive": True, "isHibernating": False}
    waking = api.deployment("development")
    assert (waking["status"], waking["statusReason"]) == (
        "HIBERNATING",
        "The Deployment is waking up",
    )
    clock.advance(61)
    client = Client(astro, None, astro.new_token())
    awake = client.deployment("development")
    assert awake["status"] == "HEALTHY"
    assert awake["scalingStatus"]["hibernationStatus"]["isHibernating"] is False
    client.call("DELETE", path, status=204)
    asleep = client.deployment("development")
    assert asleep["status"] == "HIBERNATING"
    assert asleep["scalingStatus"]["hibernationStatus"]["isHibernating"] is True
    assert "override" not in asleep["scalingSpec"]["hibernationSpec"]
    client.close()


def test_nothing_is_live_until_the_deployment_is_awake(
    api: Client, astro: Sandbox, clock: Clock
) -> None:
    astro.hibernate("development")
    done = api.deploy_dags(b"dags", "development")
    clock.advance(600)
    asleep = api.deployment("development")
    assert asleep["status"] == "HIBERNATING"
    assert asleep["desiredDagTarballVersion"] == done["dagTarballVersion"]
    assert asleep.get("dagTarballVersion", "") == ""
    api.call("POST", api.path("development", "/hibernation-override"), json=AWAKE)

    clock.advance(61)  # a minute to wake up, and another one to roll out
    assert api.deployment("development")["status"] == "DEPLOYING"
    clock.advance(60)
    live = api.deployment("development")
    assert live["status"] == "HEALTHY"
    assert live["dagTarballVersion"] == done["dagTarballVersion"]


def test_falling_asleep_holds_a_rollout(api: Client, astro: Sandbox, clock: Clock) -> None:
    api.deploy_dags(b"dags", "development")
    clock.advance(59)
    astro.hibernate("development")
    clock.advance(600)
    assert api.deployment("development").get("dagTarballVersion", "") == ""
    astro.hibernate("development", asleep=False)
    clock.advance(121)
    assert api.deployment("development")["status"] == "HEALTHY"


def test_what_was_live_when_an_override_ran_out_stays_live(
    api: Client, astro: Sandbox, clock: Clock
) -> None:
    """Nobody looks before the override has ended, and all that came in time happened."""
    astro.hibernate("development")
    until = timestamp(clock() + 300)
    path = api.path("development", "/hibernation-override")
    api.call("POST", path, json={**AWAKE, "overrideUntil": until})
    status = api.deployment("development")["scalingStatus"]["hibernationStatus"]
    assert (status["nextEventType"], status["nextEventAt"]) == ("HIBERNATE", until)
    done = api.deploy_dags(b"dags", "development")

    clock.advance(900)

    asleep = api.deployment("development")
    assert asleep["status"] == "HIBERNATING"
    assert asleep["dagTarballVersion"] == done["dagTarballVersion"]
    override = asleep["scalingSpec"]["hibernationSpec"]["override"]
    assert override == {"isActive": False, "isHibernating": False, "overrideUntil": until}
    assert "nextEventAt" not in asleep["scalingStatus"]["hibernationStatus"]


def test_an_override_that_is_past_changes_nothing(api: Client, astro: Sandbox) -> None:
    astro.hibernate("development")
    path = api.path("development", "/hibernation-override")
    past = {**AWAKE, "overrideUntil": "2001-02-03T04:05:06Z"}
    assert api.call("POST", path, json=past)["isActive"] is False
    assert api.deployment("development")["status"] == "HIBERNATING"


def test_an_override_runs_out(api: Client, astro: Sandbox, clock: Clock) -> None:
    path = api.path("development", "/hibernation-override")
    until = "2031-01-02T03:04:05Z"
    shown = api.call("POST", path, json={"isHibernating": True, "overrideUntil": until})
    assert shown == {"isActive": True, "isHibernating": True, "overrideUntil": until}

    clock.advance(20 * 365 * 24 * 3600 - 1)

    client = Client(astro, None, astro.new_token())
    assert client.deployment("development")["status"] == "HEALTHY"
    client.close()


def test_an_early_year_has_four_digits(api: Client) -> None:
    path = api.path("development", "/hibernation-override")
    until = "0099-01-02T03:04:05Z"
    shown = api.call("POST", path, json={"isHibernating": True, "overrideUntil": until})
    assert shown["overrideUntil"] == until


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"isHibernating": "no"},
        {"isHibernating": True, "overrideUntil": "x"},
        {"isHibernating": True, "overrideUntil": "0001-01-01T00:00:00+23:59"},
        {"isHibernating": True, "overrideUntil": "9999-12-31T23:59:59-23:59"},
    ],
)
def test_a_bad_override_is_refused(api: Client, body: dict[str, Any]) -> None:
    path = api.path("development", "/hibernation-override")
    error = api.call("POST", path, json=body, status=400)
    assert error["fieldErrors"]
    assert api.deployment("development")["status"] == "HEALTHY"


def test_hibernation_is_for_development_alone(api: Client) -> None:
    path = api.path("production", "/hibernation-override")
    api.call("POST", path, json={"isHibernating": False}, status=400)
    api.call("DELETE", path, status=400)
