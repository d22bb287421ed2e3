"""A data directory: what it keeps across restarts, and when it is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from astro_ci.errors import ConfigurationError
from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import Client, upload


def test_everything_survives_a_restart(tmp_path: Path) -> None:
    with Sandbox(tmp_path, rollout_seconds=0) as astro:
        client = Client(astro, None)
        client.deploy_image(dags=b"dags 1", runtime="3.1-2")
        client.update("development", description="kept")
        open_deploy = client.create("DAG_ONLY", description="open")
        before = astro.info()
        deploys = astro.deploys("production")
        deployment = astro.deployment("production")
        config = astro.image_config("production")
        client.close()

    with Sandbox(tmp_path, port=astro.port, rollout_seconds=0) as again:
        client = Client(again, None)
        assert again.info() == before
        assert again.deployment("production") == deployment
        assert again.deploys("production") == deploys
        assert again.bundle("production") == b"dags 1"
        assert again.image_config("production") == config
        assert client.deployment("development")["description"] == "kept"
        version = upload(open_deploy, b"dags 2")
        client.finalize(open_deploy, dagTarballVersion=version)
        assert again.bundle("production") == b"dags 2"
        client.close()


def test_addresses_follow_the_port(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as astro:
        first = astro.deployment("production").image_repository
    with Sandbox(tmp_path) as again:
        second = again.deployment("production").image_repository
        assert second.startswith(f"{again.registry}/")
        assert first.partition("/")[2] == second.partition("/")[2]


def test_without_a_directory_everything_is_forgotten() -> None:
    with Sandbox() as one:
        first = one.info()
    with Sandbox() as other:
        assert other.organization_id != first["organization_id"]
        assert other.key_secret != first["key_secret"]


def test_the_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    with Sandbox(tmp_path):
        mode = stat.S_IMODE((tmp_path / "state.json").stat().st_mode)
        assert mode == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"{}"])
def test_an_unreadable_state_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        Sandbox(tmp_path)
    assert "--data" in caught.value.hint


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    with Sandbox(tmp_path):
        pass
    path = tmp_path / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(ConfigurationError, match="version 99 instead of 1"):
        Sandbox(tmp_path)


def test_a_directory_is_used_by_one_sandbox(tmp_path: Path) -> None:
    with (
        Sandbox(tmp_path) as astro,
        pytest.raises(ConfigurationError, match="another sandbox") as caught,
    ):
        Sandbox(tmp_path)
    assert caught.value.exit_code == 2
    with Sandbox(tmp_path) as again:
        assert again.token == astro.token


@pytest.mark.parametrize("name", ["file", "file/below", "lock"])
def test_a_path_that_is_no_directory_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "lock" / "blobs").mkdir(parents=True)
    (tmp_path / "lock" / "blobs" / "incoming").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot keep its state in") as caught:
        Sandbox(tmp_path / name)
    assert str(tmp_path / name) in caught.value.message
    assert "--data" in caught.value.hint


def test_a_state_of_an_older_version_gets_what_it_lacks(tmp_path: Path) -> None:
    Sandbox(tmp_path).stop()
    file = tmp_path / "state.json"
    state = json.loads(file.read_text())
    del state["key_deployment_id"]
    for deployment in state["deployments"]:
        del deployment["api_token_id"]
    file.write_text(json.dumps(state))

    with Sandbox(tmp_path) as first:
        tokens = first.deployment_tokens
    with Sandbox(tmp_path) as second:
        assert second.deployment_tokens == tokens
