"""The sandbox's registry under a real Docker Engine: login, push, pull, and pushing again."""

from __future__ import annotations

import base64
import json
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests

from astro_ci.sandbox import Sandbox

pytestmark = pytest.mark.docker

RUNTIME_LABEL = "io.astronomer.docker.runtime.version"
DOCKERFILE = f"""\
FROM scratch
LABEL {RUNTIME_LABEL}=13.2.0
COPY one /one
COPY two /two
"""


@pytest.fixture
def astro() -> Iterator[Sandbox]:
    with Sandbox(rollout_seconds=0) as astro:
        yield astro


class Docker:
    """The docker command line with a private configuration; removes the images it tagged."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._images: set[str] = set()

    def run(self, *args: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        command = ["docker", "--config", str(self._config), *args]
        return subprocess.run(command, input=stdin, capture_output=True, timeout=120)

    def ok(self, *args: str, stdin: bytes | None = None) -> str:
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def authorize(self, registry: str, user: str, password: str) -> None:
        """Log in as CI does it: by a configuration file that `docker login` would write."""
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        auths = {"auths": {registry: {"auth": pair}}}
        (self._config / "config.json").write_text(json.dumps(auths))

    def build(self, image: str, content: bytes) -> None:
        """Build an image of two layers from nothing; one layer is the same each time."""
        context = BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            for name, data in (
                ("Dockerfile", DOCKERFILE.encode()),
                ("one", b"always the same"),
                ("two", content),
            ):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
        # Without the cache: a run beside this one may remove an image that it just found there.
        self.ok("build", "--quiet", "--no-cache", "--tag", image, "-", stdin=context.getvalue())
        self._images.add(image)

    def tag(self, image: str, name: str) -> None:
        self.ok("tag", image, name)
        self._images.add(name)

    def remove(self) -> None:
        if self._images:
            self.run("image", "rm", "--force", *self._images)


@pytest.fixture
def docker(tmp_path: Path) -> Iterator[Docker]:
    docker = Docker(tmp_path)
    yield docker
    docker.remove()


@pytest.fixture
def call(astro: Sandbox) -> Callable[..., dict[str, Any]]:
    """Call the API under `production` (POST with a body)."""
    deployment = astro.deployments[0]["id"]
    base = f"{astro.api_url}/v1/organizations/{astro.organization_id}/deployments/{deployment}"

    def call(path: str, **body: object) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {astro.token}"}
        answer = requests.post(f"{base}{path}", json=body, headers=headers, timeout=30)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return call


def image_of(deploy: dict[str, Any]) -> str:
    return f"{deploy['imageRepository']}:{deploy['imageTag']}"


def uploads(astro: Sandbox) -> list[str]:
    """List the requests that sent layers or configs, and forget all of them."""
    found = [line.path for line in astro.requests if line.method in ("POST", "PATCH")]
    astro.requests.clear()
    return [path for path in found if "/blobs/uploads/" in path]


def test_docker_logs_in_with_a_token(astro: Sandbox, docker: Docker) -> None:
    login = ("login", "--username", "cli", "--password-stdin", astro.registry)
    assert "Login Succeeded" in docker.ok(*login, stdin=astro.token.encode())
    refused = docker.run(*login, stdin=b"wrong")
    assert refused.returncode != 0
    assert b"401 Unauthorized" in refused.stderr


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.smoke
def test_a_pushed_image_is_deployed_and_pulled_back(
    astro: Sandbox, docker: Docker, call: Callable[..., dict[str, Any]], host: str
) -> None:
    deploy = call("/deploys", type="IMAGE_ONLY")
    image = image_of(deploy).replace("localhost", host, 1)
    docker.authorize(f"{host}:{astro.port}", "cli", astro.token)
    docker.build(image, uuid.uuid4().bytes)
    identity = docker.ok("image", "inspect", "--format", "{{.Id}}", image)

    docker.ok("push", image)

    done = call(f"/deploys/{deploy['id']}/finalize")
    assert done["astroRuntimeVersion"] == "13.2.0"
    assert astro.deployment("production").image_tag == deploy["imageTag"]
    config = astro.image_config("production")
    assert config["config"]["Labels"][RUNTIME_LABEL] == "13.2.0"  # type: ignore[index]
    docker.ok("image", "rm", "--force", image)
    docker.ok("pull", image)
    assert docker.ok("image", "inspect", "--format", "{{.Id}}", image) == identity


def test_pushing_again_uploads_nothing_twice(
    astro: Sandbox, docker: Docker, call: Callable[..., dict[str, Any]]
) -> None:
    docker.authorize(astro.registry, "cli", astro.token)
    first, second, third = (call("/deploys", type="IMAGE_ONLY") for _ in range(3))
    docker.build(image_of(first), uuid.uuid4().bytes)
    docker.ok("push", image_of(first))
    assert len([path for path in uploads(astro) if path.endswith("/uploads/")]) == 3

    docker.ok("push", image_of(first))
    assert uploads(astro) == []

    docker.tag(image_of(first), image_of(second))
    docker.ok("push", image_of(second))
    assert uploads(astro) == []

    docker.build(image_of(third), uuid.uuid4().bytes)
    docker.ok("push", image_of(third))
    assert len([path for path in uploads(astro) if path.endswith("/uploads/")]) == 2
    assert len(astro.tags("production")) == 3


def test_layers_are_mounted_across_repositories(astro: Sandbox, docker: Docker) -> None:
    docker.authorize(astro.registry, "cli", astro.token)
    names = [astro.deployment(name).image_repository for name in ("production", "development")]
    source, target = (f"{name}:shared" for name in names)
    docker.build(source, uuid.uuid4().bytes)
    docker.ok("push", source)
    docker.tag(source, target)
    astro.requests.clear()

    docker.ok("push", target)

    # The two layers are mounted; the config, which Docker never mounts, is sent.
    assert len([line for line in astro.requests if line.method == "PATCH"]) == 1
    assert astro.tags("development") == ["shared"]


def test_an_index_is_pushed_and_pulled(astro: Sandbox, docker: Docker) -> None:
    docker.authorize(astro.registry, "cli", astro.token)
    repository = astro.deployment("production").image_repository
    image, index = f"{repository}:one", f"{repository}:all"
    docker.build(image, uuid.uuid4().bytes)
    docker.ok("push", image)
    identity = docker.ok("image", "inspect", "--format", "{{.Id}}", image)
    docker.ok("manifest", "create", "--insecure", index, image)
    docker.ok("manifest", "push", "--insecure", index)
    docker.ok("image", "rm", "--force", image)

    docker.ok("pull", index)

    docker.tag(index, index)
    assert docker.ok("image", "inspect", "--format", "{{.Id}}", index) == identity


def test_a_push_goes_on_after_a_broken_connection(
    astro: Sandbox, docker: Docker, call: Callable[..., dict[str, Any]]
) -> None:
    docker.authorize(astro.registry, "cli", astro.token)
    deploy = call("/deploys", type="IMAGE_ONLY")
    docker.build(image_of(deploy), uuid.uuid4().bytes)
    broken = astro.faults.add("PATCH", "/blobs/uploads/", drop=True, after=True)
    docker.ok("push", image_of(deploy))
    assert broken.hits == 1
    assert call(f"/deploys/{deploy['id']}/finalize")["status"] == "DEPLOYED"


@pytest.mark.parametrize(
    ("user", "token", "message"),
    [
        ("cli", "wrong", b"authentication required"),
        ("ada", None, b"authentication required"),
        (None, None, b"no basic auth credentials"),
    ],
)
def test_a_push_needs_a_login(
    astro: Sandbox, docker: Docker, user: str | None, token: str | None, message: bytes
) -> None:
    image = f"{astro.deployment('production').image_repository}:v1"
    docker.build(image, b"two")
    if user:
        docker.authorize(astro.registry, user, token or astro.token)
    began = time.monotonic()
    done = docker.run("push", image)
    assert done.returncode != 0
    assert message in done.stderr
    # Docker repeats what it takes for a passing fault, for the better part of a minute.
    assert time.monotonic() - began < 30


def test_a_push_to_another_repository_is_refused(astro: Sandbox, docker: Docker) -> None:
    docker.authorize(astro.registry, "cli", astro.new_token(deployment="production"))
    hidden = astro.deployment("development").image_repository
    for repository, message in (
        (f"{astro.registry}/no/such", b"repository name not known to registry"),
        (hidden, b"denied: requested access to the resource is denied"),
    ):
        docker.build(f"{repository}:v1", b"two")
        done = docker.run("push", f"{repository}:v1")
        assert done.returncode != 0
        assert message in done.stderr


def test_images_survive_a_restart(docker: Docker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Sandbox(data) as astro:
        image = f"{astro.deployment('production').image_repository}:v1"
        docker.authorize(astro.registry, "cli", astro.token)
        docker.build(image, uuid.uuid4().bytes)
        docker.ok("push", image)
    docker.ok("image", "rm", "--force", image)
    with Sandbox(data, port=astro.port):
        docker.ok("pull", image)
