"""Finding things: filters, pages, orders, and what a token does not see."""

from __future__ import annotations

import pytest
import requests

from astro_ci.project.runtime import RuntimeVersion
from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.platform.options import NEWEST_RUNTIME
from tests.integration.sandbox.support import Client


def names(api: Client, **params: object) -> list[str]:
    page = api.call("GET", api.org("/deployments"), params=params)
    return [one["name"] for one in page["deployments"]]


def test_it_is_seeded_with_three_deployments(api: Client) -> None:
    page = api.call("GET", api.org("/deployments"))

    assert page["totalCount"] == 3
    seeds = {
        one["name"]: (one["isDagDeployEnabled"], one["isDevelopmentMode"])
        for one in page["deployments"]
    }
    assert seeds == {
        "production": (True, False),
        "development": (True, True),
        "classic": (False, False),
    }
    for one in page["deployments"]:
        assert one["status"] == "HEALTHY"
        assert one["astroRuntimeVersion"] == "13.1.0"
        assert one["imageTag"] == ""
        assert "dagTarballVersion" not in one
        assert (len(one["id"]), one["id"][:2]) == (25, "cl")


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"names": "classic"}, ["classic"]),
        ({"names": ["classic", "production"]}, ["production", "classic"]),
        ({"names": "Production"}, []),
        ({"names": "prod"}, []),
        ({"workspaceIds": "cl0"}, []),
        ({"deploymentIds": "cl0"}, []),
        ({"limit": 2}, ["production", "development"]),
        ({"limit": 2, "offset": 2}, ["classic"]),
        ({"limit": 0}, []),
        ({"offset": 9}, []),
        ({"limit": 5000}, ["production", "development", "classic"]),
        ({"sorts": "name:asc"}, ["classic", "development", "production"]),
        ({"sorts": ["createdAt:asc", "name:desc"]}, ["production", "development", "classic"]),
    ],
)
def test_deployments_are_filtered_paged_and_sorted(
    api: Client, params: dict[str, object], found: list[str]
) -> None:
    assert names(api, **params) == found


def test_a_page_says_how_many_there_are(api: Client) -> None:
    page = api.call("GET", api.org("/deployments"), params={"limit": 1, "offset": 1})
    assert (page["totalCount"], page["limit"], page["offset"]) == (3, 1, 1)


def test_ids_and_workspaces_select(api: Client, astro: Sandbox) -> None:
    classic = api.deployment("classic")["id"]
    assert names(api, deploymentIds=classic) == ["classic"]
    assert len(names(api, workspaceIds=["cl0", astro.workspace_id])) == 3


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/deployments", {"limit": "-1"}),
        ("/deployments", {"offset": "x"}),
        ("/deployments", {"sorts": "status:asc"}),
        ("/workspaces", {"limit": "1001"}),
        ("/workspaces", {"sorts": "name"}),
        ("/deployment-options", {"executor": "LOCAL"}),
        ("/deployment-options", {"deploymentId": "cl0"}),
    ],
)
def test_bad_parameters_are_refused(api: Client, path: str, params: dict[str, str]) -> None:
    error = api.call("GET", api.org(path), params=params, status=400)
    assert error["fieldErrors"][0]["field"] == next(iter(params))


def test_organizations_and_workspaces_are_filtered(api: Client) -> None:
    def total(path: str, **params: str) -> int:
        count: int = api.call("GET", path, params=params)["totalCount"]
        return count

    assert total("/organizations", product="HOSTED") == 1
    assert total("/organizations", product="HYBRID") == 0
    assert total("/organizations", productPlan="TRIAL") == 0
    assert total(api.org("/workspaces"), names="Sandbox Workspace") == 1
    assert total(api.org("/workspaces"), names="Other") == 0
    assert total(api.org("/workspaces"), workspaceIds="cl0") == 0


def test_options_list_runtimes_of_both_shapes(api: Client) -> None:
    options = api.call(
        "GET", api.org("/deployment-options"), params={"deploymentId": api.deployment()["id"]}
    )
    versions = {one["version"]: one["airflowVersion"] for one in options["runtimeReleases"]}
    assert {"12.1.1", "13.1.0", "3.0-1", "3.1-2"} <= set(versions)
    assert versions["3.1-2"].startswith("3.1")
    assert versions["13.1.0"].startswith("2.11")
    # A Runtime of the second shape is named after its Airflow.
    assert all(
        airflow.startswith(f"{version.partition('-')[0]}.")
        for version, airflow in versions.items()
        if "-" in version
    )
    channels = {one["version"]: one["channel"] for one in options["runtimeReleases"]}
    assert (channels["12.12.0"], channels["13.11.0"]) == ("deprecated", "stable")
    assert {"3.3.2", "3.2.2", "3.1.1", "3.0.6", "2.11.2", "2.10.5"} <= set(versions.values())


def test_the_highest_runtime_is_the_first_and_that_of_a_new_deployment(api: Client) -> None:
    releases = api.call("GET", api.org("/deployment-options"))["runtimeReleases"]
    versions = [RuntimeVersion.parse(one["version"]) for one in releases]
    assert None not in versions
    assert versions == sorted(versions, reverse=True)  # type: ignore[type-var]
    assert str(versions[0]) == NEWEST_RUNTIME


def test_what_is_not_there_is_not_found(api: Client, astro: Sandbox) -> None:
    api.call("GET", "/organizations/cl0", status=404)
    api.call("GET", "/organizations/cl0/deployments/cl0", status=404)
    api.call("GET", api.org("/workspaces/cl0"), status=404)
    api.call("GET", api.org("/deployments/cl0"), status=404)
    api.call("GET", api.org("/deployments/cl0/deploys"), status=404)
    api.call("GET", api.path("production", "/deploys/cl0"), status=404)
    # The document has no 404 for these lists.
    api.call("GET", "/organizations/cl0/deployments", status=403)
    api.call("GET", "/organizations/cl0/workspaces", status=403)
    api.call("GET", "/organizations/cl0/deployment-options", status=403)


def test_a_deploy_of_another_deployment_is_not_found(api: Client) -> None:
    deploy = api.create("DAG_ONLY", "development")
    api.call("GET", api.path("production", f"/deploys/{deploy['id']}"), status=404)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("GET", "/nope", 404),
        ("GET", "/v1/nope", 404),
        ("DELETE", "/v1/organizations", 405),
    ],
)
def test_unknown_paths_answer_in_json(astro: Sandbox, method: str, path: str, status: int) -> None:
    answer = requests.request(method, astro.api_url + path, timeout=10)
    assert answer.status_code == status
    error = answer.json()
    assert set(error) == {"message", "requestId", "statusCode"}
    assert error["statusCode"] == status
    assert answer.headers["x-request-id"] == error["requestId"]


def test_a_method_that_is_not_offered_names_those_that_are(api: Client) -> None:
    for path, allowed in (
        ("/v1/organizations", {"GET", "HEAD"}),
        (f"/v1{api.path('production')}", {"DELETE", "GET", "HEAD", "POST"}),
        ("/oauth/token", {"POST"}),
    ):
        answer = requests.put(api.astro.api_url + path, timeout=10)
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("value", ["null", "", "1", "True"])
def test_a_flag_is_true_or_false(api: Client, value: str) -> None:
    error = api.call("GET", api.org(), params={"isLookUpOnly": value}, status=400)
    assert error["fieldErrors"][0]["field"] == "isLookUpOnly"
    for good in ("true", "false"):
        assert api.call("GET", api.org(), params={"isLookUpOnly": good})["id"]
