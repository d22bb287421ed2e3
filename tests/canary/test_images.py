"""No secret is seen where an image is built and pushed: builds and registries print anything."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import pytest

from astro_ci.errors import RegistryError
from astro_ci.image.engine import Engine
from astro_ci.image.registry.push import push_image
from tests.canary.echo import echoing
from tests.canary.job import CanaryJob
from tests.canary.secrets import found, spellings
from tests.e2e.images import unique

pytestmark = pytest.mark.docker

PRINTING = r"""
ARG DB_PASSWORD
RUN --mount=type=secret,id=npm --mount=type=secret,id=netrc \
    echo "argument $DB_PASSWORD, as JSON {{\"password\": \"$DB_PASSWORD\"}}" && \
    cat /run/secrets/npm && cat /run/secrets/netrc && base64 /run/secrets/npm && {end}
"""


@pytest.mark.parametrize(("end", "code"), [("true", 0), ("false", 4)])
@pytest.mark.parametrize("dialect", ["github", "teamcity"])
def test_a_build_that_prints_its_secrets(
    job: CanaryJob, base: str, dialect: str, end: str, code: int
) -> None:
    job.project.write({"Dockerfile": f"FROM {base}\n{PRINTING.format(end=end)}"})
    job.project.commit("a build that talks")
    ended = job.run(dialect, "deploy", "--json")
    assert ended.code == code, ended.err
    assert "argument ***, as JSON" in ended.err
    assert found(job.canaries, ended.texts) == []


def test_a_registry_that_refuses(job: CanaryJob, base: str) -> None:
    job.project.write({"Dockerfile": f"FROM {base}\n"})
    job.project.commit("an image")
    job.astro.faults.add("*", "^/v2/", status=403, times=None)
    ended = job.run("buildkite", "deploy", "--json")
    assert ended.code == 4, ended.err
    assert found(job.canaries, ended.texts) == []


@pytest.fixture(scope="session")
def layerless(engine: Engine) -> Iterator[str]:
    """An image without a layer: where a server fails, the engine repeats layers for a minute."""
    tag = unique("layerless")
    engine.client.images.build(fileobj=BytesIO(b"FROM scratch\nLABEL a=b\n"), tag=tag, rm=True)
    yield tag
    engine.client.images.remove(tag, force=True)


@pytest.mark.parametrize(("status", "which"), [(401, "base"), (403, "base"), (500, "layerless")])
def test_a_registry_that_repeats_what_it_is_sent(
    engine: Engine, request: pytest.FixtureRequest, status: int, which: str
) -> None:
    image = request.getfixturevalue(which)
    password = "registry-token-0123456789"
    with echoing(status, "registry") as url, pytest.raises(RegistryError) as caught:
        push_image(
            engine,
            image,
            f"{url.removeprefix('http://')}/org/project",
            "deploy-1",
            password=password,
            sleep=lambda _seconds: None,
        )
    told = str(caught.value)
    assert not any(spelling in told for spelling in spellings(password)), status
    if status == 403:
        assert "***" in told, "it did repeat it"
