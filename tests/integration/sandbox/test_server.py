"""The server around it all: quick, quiet, on loopback alone, gone when stopped."""

from __future__ import annotations

import gc
import json
import logging
import socket
import threading
import time
import warnings

import pytest
import requests

from astro_ci.errors import ConfigurationError
from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import wait_until
from tests.integration.sandbox.support import BLOCK_BLOB, Client, basic, push, upload

SECONDS = 30.0
"""Longer than the end takes on any machine, and shorter than a connection is kept."""
HAS_IPV6 = socket.has_ipv6


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.is_alive()}


def test_it_leaves_no_thread() -> None:
    before = threads()
    with Sandbox() as astro:
        client = Client(astro, None)
        deploy = client.create("DAG_ONLY")
        for part in ("block", "blocklist"):
            requests.put(
                f"{deploy['dagsUploadUrl']}&comp={part}&blockid=MA%3D%3D",
                b"<BlockList><Latest>MA==</Latest></BlockList>",
                timeout=10,
            )
        assert threads() != before
        client.close()
        began = time.monotonic()
    assert time.monotonic() - began < SECONDS
    assert threads() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(astro.api_url, timeout=2)
    astro.stop()


def test_an_idle_connection_does_not_hold_it_up() -> None:
    with Sandbox() as astro:
        session = requests.Session()
        session.get(astro.api_url, timeout=10)
        began = time.monotonic()
    assert time.monotonic() - began < SECONDS
    session.close()


def test_a_request_under_way_is_cut_and_its_connection_closed() -> None:
    with warnings.catch_warnings(record=True, action="always") as warned:
        with Sandbox() as astro, socket.create_connection(("127.0.0.1", astro.port)) as client:
            fault = astro.faults.add("GET", "/", hang_seconds=10 * SECONDS)
            client.sendall(b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: fault.hits == 1)
            began = time.monotonic()
            astro.stop()
            assert time.monotonic() - began < SECONDS
            assert client.recv(1) == b""
        gc.collect()
    assert [str(one.message) for one in warned] == []


def test_it_waits_until_it_is_stopped() -> None:
    with Sandbox() as astro:
        assert astro.wait(0.05) is False
        timer = threading.Timer(0.1, astro.stop)
        timer.start()
        assert astro.wait(10) is True
        timer.join()


def test_info_is_the_line_that_the_command_prints(astro: Sandbox) -> None:
    info = json.loads(json.dumps(astro.info()))
    assert list(info) == [
        "api_url",
        "token",
        "key_id",
        "key_secret",
        "organization_id",
        "workspace_id",
        "registry",
        "deployments",
        "deployment_tokens",
        "session_token",
    ]
    assert list(info["deployment_tokens"]) == [one["id"] for one in info["deployments"]]
    assert info["api_url"] == f"http://localhost:{astro.port}"
    assert info["registry"] == f"localhost:{astro.port}"
    assert [set(one) for one in info["deployments"]] == [{"id", "name", "dag_deploy_enabled"}] * 3
    assert [one["dag_deploy_enabled"] for one in info["deployments"]] == [True, True, False]


def test_both_loopback_addresses_answer(astro: Sandbox) -> None:
    hosts = ["127.0.0.1", "localhost"]
    if _can_bind("::1"):
        hosts.append("[::1]")
    for host in hosts:
        answer = requests.get(f"http://{host}:{astro.port}/v1/organizations", timeout=10)
        assert answer.status_code == 401


def test_no_other_address_answers(astro: Sandbox) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        # All of 127.0.0.0/8 is this machine; a server on every address would answer here too.
        assert probe.connect_ex(("127.0.0.2", astro.port)) != 0


def _can_bind(address: str) -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_port_that_is_taken_is_refused(family: socket.AddressFamily, address: str) -> None:
    if family == socket.AF_INET6 and not _can_bind(address):
        pytest.skip("this machine has no IPv6 loopback")
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.bind((address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}") as caught:
            Sandbox(port=port).start()
    assert "--port" in caught.value.hint


def test_a_port_can_be_taken_again_at_once() -> None:
    with Sandbox() as first:
        requests.get(first.api_url, timeout=10)
    with Sandbox(port=first.port) as second:
        assert second.port == first.port
        assert requests.get(second.api_url, timeout=10).status_code == 200


def test_requests_are_remembered_without_secrets(api: Client, astro: Sandbox) -> None:
    api.deploy_dags(b"dags")
    line = next(line for line in astro.requests if line.method == "PUT")
    assert line.status == 201
    assert "?" not in line.path


def test_the_log_is_quiet_and_holds_no_secret(
    api: Client, astro: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    deploy = api.create("IMAGE_AND_DAG")
    push(astro, deploy)
    version = upload(deploy, b"dags")
    api.finalize(deploy, dagTarballVersion=version)
    requests.put(deploy["dagsUploadUrl"], b"", headers=BLOCK_BLOB | basic(astro), timeout=10)

    ours = [record for record in caplog.records if record.name.startswith("astro_ci.sandbox")]
    assert any("/finalize 200" in record.getMessage() for record in ours)
    assert {record.levelno for record in ours} == {logging.DEBUG}
    text = " ".join(record.getMessage() for record in ours)
    signature = deploy["dagsUploadUrl"].partition("sig=")[2]
    for secret in (astro.token, astro.key_secret, signature):
        assert secret not in text
    assert not [r for r in caplog.records if r.name.startswith("uvicorn") and r.levelno > 20]


def test_a_path_with_a_line_end_is_one_line_of_the_log(
    astro: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "astro_ci.sandbox")
    requests.get(f"{astro.api_url}/a%0d%0aPOST%20/v1/fake%20200%1b[2J%c2%85", timeout=10)
    (line,) = [r.getMessage() for r in caplog.records if "fake" in r.getMessage()]
    assert line == r"GET /a\r\nPOST /v1/fake 200\x1b[2J\x85 404"


def test_a_client_that_goes_away_is_no_error(
    api: Client, astro: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    path = api.create("DAG_ONLY")["dagsUploadUrl"].removeprefix(astro.api_url)
    head = (
        f"PUT {path} HTTP/1.1\r\nHost: x\r\nx-ms-blob-type: BlockBlob\r\nContent-Length: 99\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", astro.port)) as connection:
        connection.sendall(head.encode() + b"half")
    while not any(line.method == "PUT" for line in list(astro.requests)):
        time.sleep(0.01)

    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    with pytest.raises(LookupError, match="runs no bundle"):
        astro.bundle("production")


def test_unknown_names_are_lookup_errors(astro: Sandbox) -> None:
    with pytest.raises(LookupError, match="no Deployment named staging"):
        astro.deployment("staging")
    with pytest.raises(LookupError, match="runs no image"):
        astro.image_config("production")
