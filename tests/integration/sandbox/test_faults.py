"""Faults on demand: each of them happens to the requests it is for, and to no others."""

from __future__ import annotations

import time

import pytest
import requests

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import BLOCK_BLOB, Client


def test_a_status_instead_of_an_answer(api: Client, astro: Sandbox) -> None:
    fault = astro.faults.add("GET", "/deploys$", status=503, headers={"Retry-After": "1"}, times=2)
    url = f"{astro.api_url}/v1{api.path('production', '/deploys')}"
    headers = {"Authorization": f"Bearer {astro.token}"}

    answers = [requests.get(url, headers=headers, timeout=10) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "1"
    assert answers[0].json()["statusCode"] == 503
    assert fault.hits == 2


def test_a_page_of_html_instead_of_json(astro: Sandbox) -> None:
    astro.faults.add("*", "/v1/", status=502, html=True)
    answer = requests.get(f"{astro.api_url}/v1/organizations", timeout=10)
    assert (answer.status_code, answer.headers["content-type"][:9]) == (502, "text/html")


def test_a_connection_that_breaks_off(api: Client, astro: Sandbox) -> None:
    astro.faults.add("POST", "/deploys$", drop=True)
    with pytest.raises(requests.ConnectionError):
        api.create("DAG_ONLY")
    assert api.call("GET", api.path("production", "/deploys"))["totalCount"] == 0
    assert [line.status for line in astro.requests if line.method == "POST"] == [0]


@pytest.mark.parametrize("drop", [True, False])
def test_work_that_is_done_before_the_answer_is_lost(
    api: Client, astro: Sandbox, drop: bool
) -> None:
    deploy = api.create("DAG_ONLY")
    version = requests.put(deploy["dagsUploadUrl"], b"x", headers=BLOCK_BLOB, timeout=10).headers[
        "x-ms-version-id"
    ]
    astro.faults.add("POST", "/finalize$", after=True, drop=drop)

    if drop:
        with pytest.raises(requests.ConnectionError):
            api.finalize(deploy, dagTarballVersion=version)
    else:
        api.finalize(deploy, status=500, dagTarballVersion=version)

    found = api.call("GET", api.path("production", f"/deploys/{deploy['id']}"))
    assert found["status"] == "DEPLOYED"


def test_an_answer_that_is_late(api: Client, astro: Sandbox) -> None:
    astro.faults.add("GET", "/organizations$", status=None, hang_seconds=0.3)
    began = time.monotonic()
    assert api.call("GET", "/organizations")["totalCount"] == 1
    assert time.monotonic() - began >= 0.3


def test_an_answer_that_never_comes(api: Client, astro: Sandbox) -> None:
    astro.faults.add("GET", "/organizations$", hang_seconds=60)
    with pytest.raises(requests.Timeout):
        api.call("GET", "/organizations", timeout=0.2)
    began = time.monotonic()
    astro.stop()
    assert time.monotonic() - began < 30  # seconds, on the busiest machine; the fault has 60


def test_a_header_that_is_missing(api: Client, astro: Sandbox) -> None:
    url = api.create("DAG_ONLY")["dagsUploadUrl"]
    astro.faults.add("PUT", "^/blobs/", strip=["X-Ms-Version-Id"])
    answers = [requests.put(url, b"x", headers=BLOCK_BLOB, timeout=10) for _ in range(2)]
    assert ["x-ms-version-id" in answer.headers for answer in answers] == [False, True]
    assert answers[0].status_code == 201


def test_a_large_upload_gets_to_read_its_refusal(api: Client, astro: Sandbox) -> None:
    url = api.create("DAG_ONLY")["dagsUploadUrl"]
    astro.faults.add("PUT", "^/blobs/", status=503)
    answer = requests.put(url, b"x" * (8 << 20), headers=BLOCK_BLOB, timeout=30)
    assert answer.status_code == 503


def test_faults_can_last_and_be_forgotten(api: Client, astro: Sandbox) -> None:
    astro.faults.add("GET", "/organizations$", status=418, times=None)
    url = f"{astro.api_url}/v1/organizations"
    assert [requests.get(url, timeout=10).status_code for _ in range(3)] == [418] * 3
    astro.faults.clear()
    assert requests.get(url, timeout=10).status_code == 401
