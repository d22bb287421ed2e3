"""Tokens: where they come from, what they see, when they end."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, Clock, basic


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=="))
    return found


def exchange(astro: Sandbox, **changes: str) -> requests.Response:
    form = {
        "client_id": astro.key_id,
        "client_secret": astro.key_secret,
        "audience": "astronomer-ee",
        "grant_type": "client_credentials",
    }
    return requests.post(f"{astro.api_url}/oauth/token", form | changes, timeout=10)


def status(astro: Sandbox, authorization: str | None) -> int:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = requests.get(f"{astro.api_url}/v1/organizations", headers=headers, timeout=10)
    if answer.status_code != 200:
        assert set(answer.json()) == {"message", "requestId", "statusCode"}
    return answer.status_code


def test_the_api_token_is_a_jwt_that_says_what_it_is_for(astro: Sandbox) -> None:
    found = claims(astro.token)
    assert f"organizationId:{astro.organization_id}" in found["permissions"]
    assert f"workspaceId:{astro.workspace_id}" in found["permissions"]
    assert any(one.startswith("apiTokenId:") for one in found["permissions"])
    assert found["exp"] - found["iat"] > 5 * 365 * 24 * 3600
    assert astro.token == astro.token


def test_login_is_configured_from_here(astro: Sandbox) -> None:
    url = f"{astro.api_url}/private/v1alpha1/cli/auth-config"
    answer = requests.get(url, headers={"X-Astro-Client-Identifier": "cli"}, timeout=10)
    assert answer.json() == {
        "clientId": "astro-sandbox-cli",
        "audience": "astronomer-ee",
        "domainUrl": f"{astro.api_url}/",
    }


def test_a_key_is_exchanged_for_a_token_of_an_hour(astro: Sandbox) -> None:
    answer = exchange(astro)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "expires_in", "token_type"}
    assert (body["expires_in"], body["token_type"]) == (3600, "Bearer")
    found = claims(body["access_token"])
    assert found["exp"] - found["iat"] == 3600
    assert exchange(astro).json()["access_token"] != body["access_token"]


@pytest.mark.parametrize(
    ("changes", "code", "error"),
    [
        ({"client_secret": "wrong"}, 401, "access_denied"),
        ({"client_id": "wrong"}, 401, "access_denied"),
        ({"client_secret": "ä"}, 401, "access_denied"),
        ({"client_secret": ""}, 400, "invalid_request"),
        ({"audience": "other"}, 403, "access_denied"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"padding": "x" * 70_000}, 400, "unsupported_grant_type"),
    ],
)
def test_a_bad_exchange_is_refused(
    astro: Sandbox, changes: dict[str, str], code: int, error: str
) -> None:
    answer = exchange(astro, **changes)
    assert answer.status_code == code
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]
    assert astro.key_secret not in answer.text


def test_a_key_sees_its_deployment_alone(astro: Sandbox, api: Client, maybe_document: Any) -> None:
    key = Client(astro, maybe_document, exchange(astro).json()["access_token"])

    page = key.call("GET", key.org("/deployments"))

    assert [one["name"] for one in page["deployments"]] == ["production"]
    assert page["totalCount"] == 1
    assert key.call("GET", "/organizations")["totalCount"] == 1
    key.call("GET", key.path("development"), status=404)
    key.call("GET", key.path("classic", "/deploys"), status=404)
    assert key.deploy_dags(b"dags")["createdBySubject"]["id"] == astro.key_id
    key.close()


def test_a_deployment_token_sees_its_deployment_alone(astro: Sandbox) -> None:
    token = Client(astro, None, astro.new_token(deployment="classic"))
    page = token.call("GET", token.org("/deployments"))
    assert [one["name"] for one in page["deployments"]] == ["classic"]
    token.close()


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "Basic eDp5"]
)
def test_a_token_is_needed(astro: Sandbox, authorization: str | None) -> None:
    assert status(astro, authorization) == 401


def test_the_scheme_may_be_in_any_case(astro: Sandbox) -> None:
    assert status(astro, f"bearer {astro.token}") == 200


def test_a_tampered_token_is_refused(astro: Sandbox) -> None:
    head, _, signature = astro.token.split(".")
    found = claims(astro.token) | {"permissions": []}
    body = base64.urlsafe_b64encode(json.dumps(found).encode()).rstrip(b"=").decode()
    assert status(astro, f"Bearer {head}.{body}.{signature}") == 401
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    assert status(astro, f"Bearer {unsigned}.{astro.token.split('.')[1]}.") == 401


def test_a_token_of_another_sandbox_is_refused(astro: Sandbox) -> None:
    with Sandbox() as other:
        assert status(astro, f"Bearer {other.token}") == 401


def test_tokens_run_out(astro: Sandbox, clock: Clock) -> None:
    token = exchange(astro).json()["access_token"]
    assert status(astro, f"Bearer {token}") == 200
    clock.advance(3601)
    assert status(astro, f"Bearer {token}") == 401
    assert status(astro, f"Bearer {astro.token}") == 200
    assert status(astro, f"Bearer {astro.new_token(lifetime_seconds=-1)}") == 401


def test_exchanged_tokens_can_be_expired_at_once(astro: Sandbox) -> None:
    token = exchange(astro).json()["access_token"]
    astro.expire_tokens()
    assert status(astro, f"Bearer {token}") == 401
    assert status(astro, f"Bearer {astro.token}") == 200
    assert status(astro, f"Bearer {exchange(astro).json()['access_token']}") == 200


def test_the_lifetime_of_exchanged_tokens_can_be_set() -> None:
    with Sandbox(token_lifetime_seconds=5) as astro:
        assert exchange(astro).json()["expires_in"] == 5


def test_enforced_cicd_refuses_people(astro: Sandbox, api: Client, maybe_document: Any) -> None:
    person = Client(astro, maybe_document, astro.new_token(is_session=True))
    assert "permissions" not in claims(astro.new_token(is_session=True))
    deploy = person.create("DAG_ONLY")
    api.update("production", isCicdEnforced=True)

    error = person.create("DAG_ONLY", status=403)

    assert "CI/CD enforcement" in error["message"]
    person.finalize(deploy, status=403)
    path = person.path("production", f"/deploys/{deploy['id']}/rollback")
    person.call("POST", path, json={}, status=403)
    assert api.deploy_dags(b"dags")["status"] == "DEPLOYED"
    person.close()


def test_the_registry_takes_the_same_tokens(astro: Sandbox) -> None:
    key = exchange(astro).json()["access_token"]
    url = f"{astro.api_url}/v2/"
    for headers, code in (
        (basic(astro), 200),
        (basic(astro, key), 200),
        # The Astro CLI sends the token as its session file has it, and then without its scheme.
        (basic(astro, f"Bearer {astro.token}"), 200),
        (basic(astro, "Bearer wrong"), 401),
        (basic(astro, f"Bearer Bearer {astro.token}"), 401),
        (basic(astro, f"bearer {astro.token}"), 401),
        (basic(astro, "wrong"), 401),
        (basic(astro, user="ada"), 401),
        ({"Authorization": "Basic ***"}, 401),
        ({"Authorization": "Basic //79"}, 401),
        ({}, 401),
    ):
        answer = requests.get(url, headers=headers, timeout=10)
        assert answer.status_code == code, headers
        if code == 401:
            assert answer.headers["www-authenticate"] == 'Basic realm="Astro"'
            assert answer.json()["errors"][0]["code"] == "UNAUTHORIZED"
