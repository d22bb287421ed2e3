"""Users, teams, API tokens and environment objects: lists as the document has them."""

from __future__ import annotations

from typing import Any

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client


def test_there_is_one_user(api: Client, astro: Sandbox, maybe_document: Any) -> None:
    person = Client(astro, maybe_document, astro.session_token)
    me = person.call("GET", "/users/self")
    person.close()
    page = api.call("GET", api.org("/users"))
    assert [one["id"] for one in page["users"]] == [me["id"]]
    assert api.call("GET", api.org(f"/users/{me['id']}"))["username"] == me["username"]
    api.call("GET", api.org("/users/cl0"), status=404)
    api.call("GET", "/users/self", status=401)
    for params in ({"workspaceId": "cl0"}, {"deploymentId": "cl0"}, {"dagId": "x"}):
        assert api.call("GET", api.org("/users"), params=params)["totalCount"] == 0


def test_there_is_a_token_for_the_workspace_and_for_each_deployment(api: Client) -> None:
    def names(**params: Any) -> list[str]:
        page = api.call("GET", api.org("/tokens"), params=params)
        return [one["name"] for one in page["tokens"]]

    everything = ["sandbox", "sandbox-production", "sandbox-development", "sandbox-classic"]
    assert names() == everything
    assert names(sorts="name:desc") == sorted(everything, reverse=True)
    assert names(workspaceId=api.astro.workspace_id) == ["sandbox"]
    assert names(deploymentId=api.deployment("classic")["id"]) == ["sandbox-classic"]
    assert names(deploymentId="cl0") == []
    assert names(kind="DIRECT_ACCESS") == []
    assert names(includeOnlyOrganizationTokens="true") == []
    assert names(limit=1, offset=1) == ["sandbox-production"]
    token = api.call("GET", api.org("/tokens"))["tokens"][1]
    assert api.call("GET", api.org(f"/tokens/{token['id']}")) == token
    assert "token" not in token
    api.call("GET", api.org("/tokens/cl0"), status=404)


def test_there_are_no_teams_and_no_environment_objects(api: Client) -> None:
    assert api.call("GET", api.org("/teams"))["teams"] == []
    found = api.call(
        "GET",
        api.org("/environment-objects"),
        params={"workspaceId": api.astro.workspace_id, "resolveLinked": "true"},
    )
    assert found["environmentObjects"] == []


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/users", {"sorts": "status:asc"}, 400),
        ("/teams", {"limit": 1001}, 400),
        ("/tokens", {"kind": "OTHER"}, 400),
        ("/tokens", {"includeOnlyOrganizationTokens": "maybe"}, 400),
        # The document has no 400 for this list.
        ("/environment-objects", {"objectType": "OTHER"}, 404),
        ("/environment-objects", {"showSecrets": "1"}, 404),
    ],
)
def test_bad_parameters_are_refused(
    api: Client, path: str, params: dict[str, Any], status: int
) -> None:
    error = api.call("GET", api.org(path), params=params, status=status)
    assert error["fieldErrors"][0]["field"] == next(iter(params))


def test_a_deployment_token_says_who_deployed(
    api: Client, astro: Sandbox, maybe_document: Any
) -> None:
    deployment = api.deployment("development")
    client = Client(astro, maybe_document, astro.deployment_tokens[deployment["id"]])
    done = client.deploy_dags(b"dags", "development")
    client.call("GET", client.path("production"), status=404)
    client.close()
    assert done["createdBySubject"]["apiTokenName"] == "sandbox-development"
