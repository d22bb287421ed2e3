"""A stand-in for Astro Runtime in a registry, as `--fast` needs it: its tag has a digest there."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from astro_ci.image.engine import Engine
from tests.e2e.images import Registry, make_runtime_image, registry

# As in the real image: the files belong to a user, and some directories are there before.
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ENV PATH=/bin HOME=/usr/local/airflow AIRFLOW_HOME=/usr/local/airflow
RUN mkdir -p /etc /usr/local/airflow/include /usr/local/airflow/logs \
 && echo astro:x:50000:0::/usr/local/airflow:/bin/sh > /etc/passwd \
 && echo kept > /usr/local/airflow/include/of-the-base \
 && chmod 2750 /usr/local/airflow/include && chown -R 50000:0 /usr/local/airflow
WORKDIR /usr/local/airflow
ONBUILD COPY packages.txt .
ONBUILD RUN cp packages.txt /packages-installed
ONBUILD COPY requirements.txt .
ONBUILD RUN cp requirements.txt /requirements-installed
ONBUILD USER astro
ONBUILD COPY --chown=astro:0 . .
"""


@dataclass(frozen=True)
class Runtime:
    """The stand-in, on an engine and in a registry."""

    name: str
    registry: Registry

    def login(self, directory: Path) -> dict[str, str]:
        """What lets a job read the registry, as `docker login` does."""
        directory.mkdir(parents=True, exist_ok=True)
        pair = base64.b64encode(f"cli:{self.registry.password}".encode()).decode()
        config = {"auths": {self.registry.host: {"auth": pair}}}
        (directory / "config.json").write_text(json.dumps(config))
        return {"DOCKER_CONFIG": str(directory)}

    def push(self, engine: Engine) -> None:
        """Have the tag mean what the engine has."""
        login = {"username": "cli", "password": self.registry.password}
        name, _, tag = self.name.rpartition(":")
        for line in engine.client.api.push(
            name, tag=tag, auth_config=login, stream=True, decode=True
        ):
            assert "error" not in line, line


@contextmanager
def runtime(engine: Engine, directory: Path) -> Iterator[Runtime]:
    """Have the stand-in for the length of a test module."""
    with registry(directory) as running:
        made = Runtime(f"{running.host}/astronomer/astro-runtime:13.1.0", running)
        make_runtime_image(engine, made.name, text=DOCKERFILE)
        try:
            made.push(engine)
            yield made
        finally:
            engine.remove_image(made.name)
