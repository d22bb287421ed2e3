"""Finding the engine, and what is said when there is none or it cannot push."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from astro_ci.errors import DockerError, RegistryError
from astro_ci.image.engine import connect
from astro_ci.image.registry.failure import TransientRegistryError
from astro_ci.image.registry.push import classify
from astro_ci.image.user_config import config_directory
from astro_ci.survey.engine import connect_engine

REPOSITORY = "images.example.com:503/org/project"


def write_context_file(config: Path, name: str, meta: object) -> None:
    directory = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    directory.mkdir(parents=True)
    directory.joinpath("meta.json").write_text(json.dumps(meta))


def engine_context(host: str) -> dict[str, object]:
    return {"Name": "remote", "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}


def test_no_engine_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/no.sock"
    with pytest.raises(DockerError, match=f"no Docker Engine answers at {host}") as caught:
        connect({"DOCKER_HOST": host, "HOME": str(tmp_path)})
    assert "No such file or directory" in str(caught.value)
    assert "DOCKER_HOST" in caught.value.hint
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("ci", "begins"),
    [
        ({}, "Start Docker on this machine. To use"),
        ({"GITLAB_CI": "true"}, "Give the job the service docker:dind, which needs a privileged"),
        ({"GITHUB_ACTIONS": "true"}, "Run the job on a runner that has a Docker Engine"),
        ({"CIRCLECI": "true"}, "Add the step setup_remote_docker"),
    ],
    ids=["machine", "gitlab", "github", "circleci"],
)
def test_the_hint_is_in_the_words_of_the_ci_system(
    tmp_path: Path, ci: dict[str, str], begins: str
) -> None:
    with pytest.raises(DockerError, match="no Docker Engine answers") as caught:
        connect_engine({**ci, "DOCKER_HOST": f"unix://{tmp_path}/no.sock", "HOME": str(tmp_path)})
    assert caught.value.hint.startswith(begins)
    assert caught.value.hint.endswith("To use an engine elsewhere, set DOCKER_HOST.")


def test_the_context_in_use_says_where_the_engine_is(tmp_path: Path) -> None:
    config = tmp_path / ".docker"
    write_context_file(config, "remote", engine_context("tcp://127.0.0.1:1"))
    config.joinpath("config.json").write_text('{"currentContext": "remote"}')
    env = {"HOME": str(tmp_path)}
    with pytest.raises(DockerError, match=r"no Docker Engine answers at tcp://127\.0\.0\.1:1"):
        connect(env)
    # DOCKER_HOST comes before it, and DOCKER_CONTEXT before that.
    elsewhere = {**env, "DOCKER_HOST": f"unix://{tmp_path}/no.sock"}
    with pytest.raises(DockerError, match=r"no\.sock"):
        connect(elsewhere)
    with pytest.raises(DockerError, match=r"tcp://127\.0\.0\.1:1"):
        connect({**elsewhere, "DOCKER_CONTEXT": "remote"})


def test_a_context_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DockerError, match="docker context 'gone' cannot be read") as caught:
        connect({"HOME": str(tmp_path), "DOCKER_CONTEXT": "gone"})
    assert "docker context use" in caught.value.hint


def test_where_docker_keeps_its_configuration() -> None:
    assert config_directory({"HOME": "/home/ada"}) == Path("/home/ada/.docker")
    assert config_directory({"HOME": "/home/ada", "DOCKER_CONFIG": "/x"}) == Path("/x")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unauthorized: authentication required", "refused the push"),
        ("denied: requested access to the resource is denied", "refused the push"),
        ("no basic auth credentials", "refused the push"),
        ('error parsing HTTP 403 response body: unexpected end of JSON input: ""', "refused"),
        ("unexpected status from PUT request to https://x/v2/: 403 Forbidden", "refused"),
        ("Get https://x/v2/: x509: certificate signed by unknown authority", "does not trust"),
        ("http: server gave HTTP response to HTTPS client", "does not trust"),
        ("manifest invalid: manifest invalid", "the push to .* failed"),
        ("An image does not exist locally with the tag: x:5000/y", "the push to .* failed"),
    ],
)
def test_a_failure_that_stays_is_not_repeated(text: str, message: str) -> None:
    error = classify(text, REPOSITORY, uses_containerd_store=False)
    assert type(error) is RegistryError
    assert re.search(message, str(error))
    assert text in str(error)
    assert "images.example.com:503" in str(error)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("received unexpected HTTP status: 503 Service Unavailable", "could not accept the push"),
        ("received unexpected HTTP status: 500 Internal Server Error", "could not accept the push"),
        ("toomanyrequests: retry later", "could not accept the push"),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "could not reach"),
        ("dial tcp: lookup x on 1.1.1.1:53: no such host", "could not reach"),
        ("net/http: TLS handshake timeout", "could not reach"),
        ("Put https://x/v2/: EOF", "could not reach"),
        ("read tcp 1.2.3.4:5: read: connection reset by peer", "could not reach"),
    ],
)
def test_a_failure_that_may_pass_is_repeated(text: str, message: str) -> None:
    error = classify(text, REPOSITORY, uses_containerd_store=False)
    assert isinstance(error, TransientRegistryError)
    assert message in str(error)
    assert error.hint


def test_a_refusal_names_the_containerd_store_only_where_it_is_used() -> None:
    hints = [
        classify("denied", REPOSITORY, uses_containerd_store=used).hint for used in (False, True)
    ]
    assert "containerd" not in hints[0]
    assert '"containerd-snapshotter": false' in hints[1]
    assert all("token" in hint for hint in hints)
