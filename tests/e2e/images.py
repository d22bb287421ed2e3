"""A stand-in for Astro Runtime, and a registry to push to: what the docker tests build upon."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tarfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn, cast

import pytest
import requests
from tenacity import (
    retry,
    retry_if_exception_message,
    stop_after_attempt,
    stop_after_delay,
    wait_fixed,
)

from astro_ci.image.engine import Engine

REQUIRE_DOCKER = "ASTRO_CI_TEST_REQUIRE_DOCKER"
TEST_LABEL = "astro-ci-test"
RUNTIME_LABEL = "io.astronomer.docker.runtime.version"

# The triggers of the real image, with a shell in the place of apt and pip.
RUNTIME_DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PATH=/bin HOME=/usr/local/airflow
WORKDIR /usr/local/airflow
ONBUILD COPY packages.txt .
ONBUILD RUN cp packages.txt /packages-installed
ONBUILD COPY requirements.txt .
ONBUILD RUN cp requirements.txt /requirements-installed
ONBUILD COPY . .
"""

PASSWORD = "not-a-secret-of-anyone"
# bcrypt of the password: the registry takes no other hash, and Python no longer makes this one.
PASSWORD_HASH = "$2y$05$astrocitestsaltabcdefenNLP28hKYMmCK4Z.0TsI1Nm1Cng1ipy"
REGISTRY_CONFIG = """\
version: 0.1
log: {{level: warn}}
storage: {{filesystem: {{rootdirectory: {directory}/blobs}}}}
http: {{addr: {host}}}
auth: {{htpasswd: {{realm: test, path: {directory}/htpasswd}}}}
"""


def unique(name: str) -> str:
    """Name an image that no other test has; the engine is shared."""
    return f"astro-ci-test-{name}:{uuid.uuid4().hex[:12]}"


@retry(
    retry=retry_if_exception_message(
        match=r"(?s).*(failed to get digest|[Nn]o such image|unable to find image)"
    ),
    stop=stop_after_attempt(5),
    reraise=True,
)
def build_from(engine: Engine, context: BytesIO, **options: Any) -> None:
    """Build a context with the classic builder, as a user's `docker build` would.

    A step that is found in its cache may be removed by another test in that moment; then again.
    """
    context.seek(0)
    engine.client.images.build(fileobj=context, custom_context=True, rm=True, **options)


def make_runtime_image(
    engine: Engine,
    tag: str,
    *,
    version: str | None = "13.1.0",
    platform: str = "linux/amd64",
    text: str = RUNTIME_DOCKERFILE,
) -> str:
    """Build the stand-in from a Dockerfile's text; without a version it is like any base image."""
    busybox = shutil.which("busybox")
    if busybox is None:
        unavailable("no busybox to make a base image of (package busybox-static)")
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(Path(busybox).resolve(), "busybox")
        dockerfile = tarfile.TarInfo("Dockerfile")
        dockerfile.size = len(text)
        archive.addfile(dockerfile, BytesIO(text.encode()))
    build_from(
        engine,
        out,
        tag=tag,
        labels={TEST_LABEL: tag} | ({} if version is None else {RUNTIME_LABEL: version}),
        platform=platform,
    )
    return tag


@contextmanager
def runtime_image(engine: Engine, *, version: str | None = "13.1.0") -> Iterator[str]:
    """Make the stand-in for the length of a test module."""
    tag = make_runtime_image(engine, unique("runtime"), version=version)
    try:
        yield tag
    finally:
        engine.client.images.remove(tag, force=True)
        # Steps of builds that failed: the classic builder keeps them as a cache.
        ours = {"dangling": True, "label": f"{TEST_LABEL}={tag}"}
        _prune(engine, ours)


# The engine takes one such request at a time, and other tests make them as well.
@retry(
    retry=retry_if_exception_message(match=".*prune operation is already running"),
    wait=wait_fixed(0.2),
    stop=stop_after_delay(30),
    reraise=True,
)
def _prune(engine: Engine, filters: dict[str, Any]) -> None:
    engine.client.images.prune(filters=filters)


def read_image(engine: Engine, reference: str) -> dict[str, tarfile.TarInfo]:
    """Return the merged file tree of an image, without running it."""
    return {entry.name: entry for entry, _ in _export(engine, reference)}


def read_image_files(engine: Engine, reference: str) -> dict[str, bytes]:
    """Return the content of an image's regular files."""
    return {entry.name: data for entry, data in _export(engine, reference) if entry.isreg()}


def _export(engine: Engine, reference: str) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    container = engine.client.containers.create(reference, command=["none"])
    try:
        chunks = cast("Iterator[bytes]", container.export())
        whole = BytesIO(b"".join(chunks))
    finally:
        container.remove(force=True)
    with tarfile.open(fileobj=whole, errors="surrogateescape") as archive:
        for entry in archive:
            file = archive.extractfile(entry) if entry.isreg() else None
            yield entry, file.read() if file else b""


def unavailable(reason: str) -> NoReturn:
    """Skip for want of a tool, or fail where everything has to be there."""
    if os.environ.get(REQUIRE_DOCKER) == "1":
        pytest.fail(f"{reason} ({REQUIRE_DOCKER}=1)", pytrace=False)
    pytest.skip(reason)


@dataclass(frozen=True)
class Registry:
    """A registry on the loopback, whose one user is `cli`."""

    host: str
    password: str = PASSWORD

    def get(self, path: str) -> requests.Response:
        """Ask the registry's API, as its user."""
        return requests.get(
            f"http://{self.host}/v2/{path}",
            auth=("cli", self.password),
            headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
            timeout=10,
        )


@contextmanager
def registry(directory: Path, *, port: int | None = None) -> Iterator[Registry]:
    """Run Docker's reference registry, storing below `directory`."""
    command = shutil.which("docker-registry")
    if command is None:
        unavailable("no docker-registry command (package docker-registry)")
    host = f"127.0.0.1:{port or free_port()}"
    directory.joinpath("htpasswd").write_text(f"cli:{PASSWORD_HASH}\n")
    config = directory / "config.yml"
    config.write_text(REGISTRY_CONFIG.format(host=host, directory=directory))
    with directory.joinpath("log").open("wb") as log:
        process = subprocess.Popen([command, "serve", str(config)], stdout=log, stderr=log)
    try:
        _wait_for(host)
        yield Registry(host)
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(host: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            requests.get(f"http://{host}/v2/", timeout=2)
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
