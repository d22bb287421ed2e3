"""Logins that `docker login` left: in the file, or with a helper."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from astro_ci.errors import RegistryError
from astro_ci.image.registry.credentials import login_for

AUTH = base64.b64encode(b"ada:pass:word").decode()


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "bin").mkdir()
    return {"DOCKER_CONFIG": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}


def write(env: dict[str, str], **config: Any) -> None:
    Path(env["DOCKER_CONFIG"], "config.json").write_text(json.dumps(config))


def helper(env: dict[str, str], name: str, script: str) -> None:
    path = Path(env["PATH"].partition(":")[0], f"docker-credential-{name}")
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def found(env: dict[str, str], host: str = "ghcr.io") -> tuple[str, str] | None:
    login = login_for(host, env)
    return (login.username, login.password()) if login else None


@pytest.mark.parametrize(
    "key", ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "http://ghcr.io", "ghcr.io/v1/"]
)
def test_a_login_in_the_file(env: dict[str, str], key: str) -> None:
    write(env, auths={"other.io": {"auth": "eDp5"}, key: {"auth": AUTH}})
    assert found(env) == ("ada", "pass:word")
    assert found(env, "gcr.io") is None
    login = login_for("ghcr.io", env)
    assert login
    assert "pass" not in repr(login)
    assert "docker login ghcr.io" in login.hint


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_the_login_of_docker_hub(env: dict[str, str], key: str) -> None:
    write(env, auths={key: {"auth": AUTH}})
    assert found(env, "docker.io") == ("ada", "pass:word")


def test_other_ways_to_write_a_login(env: dict[str, str]) -> None:
    write(env, auths={"ghcr.io": {"username": "ada", "password": "secret"}})
    assert found(env) == ("ada", "secret")
    write(env, auths={"ghcr.io": {"auth": AUTH, "identitytoken": "token"}})
    assert found(env) == ("", "token")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"auths": []},
        {"auths": {"ghcr.io": "x"}},
        {"auths": {"ghcr.io": {}}},
        {"auths": {"ghcr.io": {"auth": "not base64!"}}},
        {"auths": {"ghcr.io": {"auth": "/////w=="}}},
        {"auths": {"ghcr.io": {"auth": 7}}},
        {"credHelpers": [], "credsStore": 7},
        {"credHelpers": {"ghcr.io": 7}},
    ],
)
def test_a_file_without_a_login(env: dict[str, str], config: dict[str, Any]) -> None:
    write(env, **config)
    assert found(env) is None


def test_no_file_and_a_broken_one(env: dict[str, str], tmp_path: Path) -> None:
    assert found(env) is None
    (tmp_path / "config.json").write_text("{")
    assert found(env) is None


def test_helpers(env: dict[str, str]) -> None:
    script = 'read key; echo "{\\"Username\\": \\"$key\\", \\"Secret\\": \\"from-helper\\"}"'
    helper(env, "own", script)
    helper(env, "store", script.replace("from-helper", "from-store"))
    write(env, credHelpers={"ghcr.io": "own"}, credsStore="store", auths={"x.io": {}})
    assert found(env) == ("ghcr.io", "from-helper")
    assert found(env, "x.io") == ("x.io", "from-store")
    helper(env, "own", 'echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"identity\\"}"')
    assert found(env) == ("", "identity")


def test_a_helper_that_knows_no_login(env: dict[str, str]) -> None:
    helper(env, "store", "echo credentials not found in native keychain; exit 1")
    write(env, credsStore="store", auths={"ghcr.io": {"auth": AUTH}})
    assert found(env) == ("ada", "pass:word")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo secret-of-mine; exit 3", "it ended with 3"),
        ("echo secret-of-mine", "JSONDecodeError"),
        ('echo "{\\"Secret\\": \\"secret-of-mine\\"}"', "KeyError"),
        ('echo "{\\"Username\\": 1, \\"Secret\\": 2}"', "something else than a login"),
    ],
)
def test_a_helper_that_fails(env: dict[str, str], script: str, message: str) -> None:
    helper(env, "own", script)
    write(env, credHelpers={"ghcr.io": "own"})
    with pytest.raises(RegistryError, match=message) as caught:
        found(env)
    assert "secret-of-mine" not in str(caught.value)
    assert "docker login" in caught.value.hint


@pytest.mark.parametrize("name", ["missing", "../../bin/sh", "", "a b", "-x"])
def test_a_helper_that_is_no_program_on_the_path(env: dict[str, str], name: str) -> None:
    write(env, credHelpers={"ghcr.io": name})
    with pytest.raises(RegistryError, match="there is no docker-credential-"):
        found(env)


def test_relative_directories_of_the_path_are_not_searched(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper(env, "own", "exit 1")
    monkeypatch.chdir(tmp_path)
    write(env, credHelpers={"ghcr.io": "own"})
    with pytest.raises(RegistryError, match="there is no docker-credential-own"):
        found(env | {"PATH": "bin:."})


def test_a_configuration_in_the_checkout_is_not_read(
    env: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(env, auths={"ghcr.io": {"auth": AUTH}})
    with caplog.at_level(logging.WARNING):
        assert login_for("ghcr.io", env, checkout=tmp_path.parent) is None
    assert "part of the checkout" in caplog.text
    assert login_for("ghcr.io", env, checkout=tmp_path / "other") is not None


def test_a_login_in_the_variable_comes_first(
    env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    write(env, auths={"ghcr.io": {"auth": base64.b64encode(b"eve:file").decode()}})
    variable = {"DOCKER_AUTH_CONFIG": json.dumps({"auths": {"ghcr.io": {"auth": AUTH}}})}
    assert found({**env, **variable}) == ("ada", "pass:word")
    assert found({**env, **variable}, "quay.io") is None
    # A checkout cannot choose what a variable of the job says.
    root = Path(env["DOCKER_CONFIG"])
    login = login_for("ghcr.io", {**env, **variable}, checkout=root)
    assert login
    assert login.username == "ada"
    for broken in ("{", '"text"', '{"auths": []}', "[" * 10_000, ""):
        assert found({**env, "DOCKER_AUTH_CONFIG": broken}) == ("eve", "file")
    assert "DOCKER_AUTH_CONFIG is not a JSON document" in caplog.text
