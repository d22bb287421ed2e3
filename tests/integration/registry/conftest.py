"""The counterparts of the registry client: Docker's own registry, and the sandbox's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from astro_ci.sandbox import Sandbox
from tests.e2e.images import registry
from tests.integration.registry.odd import OddRegistry


@dataclass(frozen=True)
class Counterpart:
    """A real registry with two repositories."""

    kind: str
    host: str
    password: str
    names: tuple[str, str]


@pytest.fixture(scope="session", params=["docker-registry", "sandbox"])
def counterpart(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Counterpart]:
    if request.param == "docker-registry":
        with registry(tmp_path_factory.mktemp("registry")) as running:
            names = ("org/one", "org/two")
            yield Counterpart(request.param, running.host, running.password, names)
        return
    with Sandbox(rollout_seconds=0) as astro:
        found = [_repository(astro, str(one["name"])) for one in astro.deployments]
        host = f"127.0.0.1:{astro.port}"
        yield Counterpart(request.param, host, astro.token, (found[0], found[1]))


def _repository(astro: Sandbox, name: str) -> str:
    return astro.deployment(name).image_repository.partition("/")[2]


@pytest.fixture
def odd() -> Iterator[OddRegistry]:
    made = OddRegistry()
    with made.running():
        yield made


@pytest.fixture
def object_store() -> Iterator[OddRegistry]:
    made = OddRegistry()
    with made.running():
        yield made
