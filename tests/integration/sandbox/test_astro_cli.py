"""What the Astro CLI 1.45 asks, call by call, written down from what it was seen to do."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import (
    MANIFEST_V2,
    RUNTIME_LABEL,
    Client,
    Clock,
    basic,
    image_manifest,
    sha256,
)

Json = dict[str, Any]

BLOCK = 1 << 20
CALLBACK = "http://localhost:12345/callback"
CLI = {"X-Astro-Client-Identifier": "cli", "X-Astro-Client-Version": "1.45.0"}


class Cli:
    """The Astro CLI's requests, with the token that its session file has."""

    def __init__(self, astro: Sandbox, token: str) -> None:
        self.astro = astro
        self.token = token
        self.api = Client(astro, None, token)
        self.api._session.headers.update(CLI)

    def deploy(self, name: str, kind: str, **body: Any) -> Json:
        """Ask what every deploy asks first, and create it."""
        self.api.call("GET", "/organizations")
        self.api.deployment(name)
        return self.api.create(kind, name, **body)

    def push(self, deploy: Json) -> None:
        """Push as `docker push` does with the password that the CLI gives it."""
        self.api.call("GET", self.api.org("/deployment-options"))
        config = b'{"config": {"Labels": {"%s": "13.1.0"}}}' % RUNTIME_LABEL.encode()
        host, _, name = deploy["imageRepository"].partition("/")
        base = f"http://{host}/v2/{name}"
        session = requests.Session()
        session.headers.update(basic(self.astro, f"Bearer {self.token}"))
        for blob in (b"layer", config):
            begun = session.post(f"{base}/blobs/uploads/", timeout=10)
            assert begun.status_code == 202
            place = f"http://{host}{begun.headers['location']}"
            sent = session.patch(place, blob, timeout=10)
            place = f"http://{host}{sent.headers['location']}"
            assert session.put(f"{place}?digest={sha256(blob)}", timeout=10).status_code == 201
        manifest = image_manifest(config, b"layer")
        headers = {"Content-Type": MANIFEST_V2}
        url = f"{base}/manifests/{deploy['imageTag']}"
        assert session.put(url, manifest, headers=headers, timeout=10).status_code == 201
        session.close()

    def upload(self, url: str, bundle: bytes) -> str:
        """Upload as the Azure client does: in one piece, or in blocks of 1 MB."""
        if len(bundle) <= BLOCK:
            headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": "2023-11-03"}
            return requests.put(url, bundle, headers=headers, timeout=10).headers["x-ms-version-id"]
        listed = []
        for number in range(0, len(bundle), BLOCK):
            block_id = base64.b64encode(f"{number:048}".encode()).decode()
            listed.append(f"<Latest>{block_id}</Latest>")
            block = bundle[number : number + BLOCK]
            sent = requests.put(f"{url}&comp=block&blockid={quote(block_id)}", block, timeout=10)
            assert sent.status_code == 201
        document = f"<BlockList>{''.join(listed)}</BlockList>"
        headers = {"x-ms-version": "2023-11-03"}
        done = requests.put(f"{url}&comp=blocklist", document, headers=headers, timeout=10)
        return done.headers["x-ms-version-id"]


@pytest.fixture
def cli(astro: Sandbox) -> Iterator[Cli]:
    cli = Cli(astro, astro.session_token)
    yield cli
    cli.api.close()


def test_deploy_sends_image_and_dags(cli: Cli, astro: Sandbox, clock: Clock) -> None:
    deploy = cli.deploy("production", "IMAGE_AND_DAG", description="a commit")
    cli.push(deploy)
    bundle = secrets.token_bytes(3 * BLOCK // 2)
    version = cli.upload(deploy["dagsUploadUrl"], bundle)

    cli.api.finalize(deploy, dagTarballVersion=version)

    clock.advance(61)
    deployment = cli.api.deployment()
    assert (deployment["status"], deployment["imageTag"]) == ("HEALTHY", deploy["imageTag"])
    assert astro.bundle("production") == bundle


def test_deploy_dags_sends_a_bundle(cli: Cli, astro: Sandbox) -> None:
    deploy = cli.deploy("production", "DAG_ONLY")
    cli.api.finalize(deploy, dagTarballVersion=cli.upload(deploy["dagsUploadUrl"], b"dags"))
    assert astro.bundle("production") == b"dags"


def test_deploy_dags_where_they_are_disabled_is_left_to_the_client(cli: Cli) -> None:
    deploy = cli.deploy("classic", "DAG_ONLY")
    assert deploy["isDagDeployEnabled"] is False
    assert "dagsUploadUrl" not in deploy


def test_deploy_force_without_dags_sends_an_empty_version(cli: Cli) -> None:
    deploy = cli.deploy("production", "IMAGE_AND_DAG")
    cli.push(deploy)
    assert cli.api.finalize(deploy, dagTarballVersion="")["status"] == "DEPLOYED"


def test_dbt_deploy_and_delete(cli: Cli) -> None:
    mount: Any = {"bundleMountPath": "/usr/local/airflow/dbt/jaffle", "bundleType": "dbt"}
    deploy = cli.deploy("production", "BUNDLE", **mount)
    version = cli.upload(deploy["bundleUploadUrl"], b"dbt project")
    assert cli.api.finalize(deploy, bundleTarballVersion=version)["bundles"]

    deleted = cli.deploy("production", "BUNDLE", **mount)

    assert cli.api.finalize(deleted, bundleTarballVersion="")["bundles"] == []


def test_login_and_refresh(astro: Sandbox, clock: Clock) -> None:
    url = f"{astro.api_url}/private/v1alpha1/cli/auth-config"
    config = requests.get(url, headers=CLI, timeout=10).json()
    domain, client = config["domainUrl"], config["clientId"]
    verifier = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    sent_back = requests.get(
        f"{domain}authorize?prompt=login&audience={config['audience']}&client_id={client}"
        f"&redirect_uri={CALLBACK}&scope=openid%20profile%20email%20offline_access"
        f"&response_type=code&response_mode=query&code_challenge={challenge}"
        "&code_challenge_method=S256",
        allow_redirects=False,
        timeout=10,
    )

    assert sent_back.status_code == 302
    assert sent_back.headers["location"].startswith(f"{CALLBACK}?")
    (code,) = parse_qs(urlsplit(sent_back.headers["location"]).query)["code"]
    form = {
        "client_id": client,
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": CALLBACK,
    }
    tokens = requests.post(f"{domain}oauth/token", form, timeout=10).json()
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert requests.get(f"{domain}userinfo", headers=bearer, timeout=10).json()["email"]
    session = Client(astro, None, tokens["access_token"])
    me = session.call("GET", "/users/self", params={"createIfNotExist": "true"})
    organization = session.call("GET", "/organizations", params={"limit": 100})["organizations"][0]
    assert session.call("GET", session.org("/workspaces"))["totalCount"] == 1
    assert me["organizationId"] == organization["id"]

    clock.advance(3601)
    session.call("GET", "/users/self", status=401)
    session.close()
    again = {
        "client_id": client,
        "grant_type": "refresh_token",
        "refresh_token": tokens["refresh_token"],
    }
    fresh = requests.post(f"{domain}oauth/token", again, timeout=10).json()["access_token"]
    session = Client(astro, None, fresh)
    assert session.call("GET", "/users/self")["id"] == me["id"]
    session.close()


def test_deployment_create_wait_logs_update_delete(cli: Cli, clock: Clock) -> None:
    api = cli.api
    organization = api.call("GET", "/organizations")["organizations"][0]
    assert organization["product"] == "HOSTED"
    workspace = api.call("GET", api.org("/workspaces"))["workspaces"][0]
    api.call("GET", api.org("/deployment-options"), params={"deploymentType": "STANDARD"})
    made = api.call(
        "POST",
        api.org("/deployments"),
        json={
            "type": "STANDARD",
            "name": "new",
            "workspaceId": workspace["id"],
            "astroRuntimeVersion": "13.1.0",
            "cloudProvider": "AWS",
            "region": "us-east-1",
            "executor": "CELERY",
            "schedulerSize": "SMALL",
            "isHighAvailability": False,
            "isCicdEnforced": False,
            "isDagDeployEnabled": True,
            "isDevelopmentMode": False,
            "defaultTaskPodCpu": "0.25",
            "defaultTaskPodMemory": "0.5Gi",
            "resourceQuotaCpu": "10",
            "resourceQuotaMemory": "20Gi",
        },
    )
    path = api.org(f"/deployments/{made['id']}")
    assert api.call("GET", path)["status"] == "CREATING"
    clock.advance(61)
    assert api.call("GET", path)["status"] == "HEALTHY"
    api.call("GET", f"{path}/logs", params={"sources": ["scheduler"], "limit": 500})
    # `deployment update --deployment-file` says null, which the document does not have.
    assert api.update("new", contactEmails=None)["name"] == "new"
    api.call("DELETE", path, status=204)
    api.call("GET", path, status=404)


# --- logins that are refused ----------------------------------------------------------------------


def authorize(astro: Sandbox, **changes: str) -> requests.Response:
    query = {
        "client_id": "astro-sandbox-cli",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
        "state": "a state",
    }
    return requests.get(
        f"{astro.api_url}/authorize", query | changes, allow_redirects=False, timeout=10
    )


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://localhost:1/callback",
        "http://evil.example/callback",
        "http://localhost.evil.example:1/",
        "http://localhost:1@evil.example/",
        "http://localhost/callback",
        "http://[::1/",
        "http://localhost:1/#x",
        "http://localhost:1/\r\nset-cookie: a=b",
        "javascript:alert(1)",
    ],
)
def test_a_code_goes_to_this_machine_alone(astro: Sandbox, uri: str) -> None:
    answer = authorize(astro, redirect_uri=uri)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_id": "other"}, "invalid_client"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"audience": "other"}, "access_denied"),
    ],
)
def test_a_bad_login_goes_back_with_the_reason(
    astro: Sandbox, changes: dict[str, str], error: str
) -> None:
    answer = authorize(astro, **changes)
    found = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (found["error"], found["state"]) == ([error], ["a state"])
    assert "code" not in found


def redeem(astro: Sandbox, given: str, /, **changes: str) -> requests.Response:
    form = {
        "client_id": "astro-sandbox-cli",
        "grant_type": "authorization_code",
        "code": given,
        "code_verifier": "verifier",
        "redirect_uri": CALLBACK,
    }
    return requests.post(f"{astro.api_url}/oauth/token", form | changes, timeout=10)


def a_code(astro: Sandbox) -> str:
    digest = hashlib.sha256(b"verifier").digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    location = authorize(astro, code_challenge=challenge).headers["location"]
    return parse_qs(urlsplit(location).query)["code"][0]


def test_a_code_is_good_once_and_for_a_minute(astro: Sandbox, clock: Clock) -> None:
    code = a_code(astro)
    assert redeem(astro, code).status_code == 200
    assert redeem(astro, code).json()["error"] == "invalid_grant"
    late = a_code(astro)
    clock.advance(61)
    assert redeem(astro, late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "other"}, "invalid_grant"),
        ({"redirect_uri": "http://localhost:1/"}, "invalid_grant"),
        ({"client_id": "other"}, "invalid_client"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"code": "other"}, "invalid_grant"),
    ],
)
def test_a_code_is_for_its_client_alone(
    astro: Sandbox, changes: dict[str, str], error: str
) -> None:
    assert redeem(astro, a_code(astro), **changes).json()["error"] == error


def test_codes_that_nobody_redeems_do_not_pile_up(astro: Sandbox) -> None:
    first = a_code(astro)
    for _ in range(100):
        a_code(astro)
    assert redeem(astro, first).json()["error"] == "invalid_grant"


def test_a_refresh_token_is_good_for_nothing_else(astro: Sandbox) -> None:
    tokens = redeem(astro, a_code(astro)).json()
    refresh = tokens["refresh_token"]
    client = Client(astro, None, refresh)
    client.call("GET", "/organizations", status=401)
    client.close()
    for token in (tokens["access_token"], astro.token, astro.session_token, "x", "a.b.c"):
        form = {
            "client_id": "astro-sandbox-cli",
            "grant_type": "refresh_token",
            "refresh_token": token,
        }
        answer = requests.post(f"{astro.api_url}/oauth/token", form, timeout=10)
        assert (answer.status_code, answer.json()["error"]) == (403, "invalid_grant")


@pytest.mark.parametrize("token", [None, "x", "api"])
def test_user_info_needs_a_session(astro: Sandbox, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {astro.token if token == 'api' else token}"}
    answer = requests.get(f"{astro.api_url}/userinfo", headers=headers if token else {}, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
