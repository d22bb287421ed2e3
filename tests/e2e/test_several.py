"""Several Deployments in one run share what they can: one build, and each layer is sent once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import Engine
from astro_ci.sandbox import Sandbox
from tests.e2e.test_deploy import images, pull
from tests.integration.stage import Stage, stage

pytestmark = pytest.mark.docker

NAMES = ("production", "classic", "development")
BUILT = "Build the image"
SHARED = "using the image that this run built before"


@pytest.fixture
def world(tmp_path: Path, base: str) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.1) as astro:
        made = stage(tmp_path, astro)
        entries = "".join(f"  {name}: {{branches: main}}\n" for name in NAMES)
        file = f"deployments:\n{entries}"
        made.project.write({"Dockerfile": f"FROM {base}\n", "astro-ci.yaml": file})
        made.project.commit("three Deployments")
        yield made


@pytest.mark.smoke
def test_equal_inputs_are_built_once(world: Stage, engine: Engine) -> None:
    before = images(engine, world)
    uploads = world.astro.faults.add("PUT", "/blobs/uploads/", status=None, times=None)
    run = world.command("deploy", "--json", env={**world.env, "ASTRO_CI_DEPLOYMENT_NAME": ""})
    assert run.code == 0, run.err
    assert [one["outcome"] for one in run.document["deployments"]] == ["deployed"] * 3
    # With DAG-only deploys disabled the DAGs are in the image: that is another one.
    assert run.err.count(BUILT) == 2
    assert run.err.count(SHARED) == 1
    ids = {name: str(world.astro.image_config(name)) for name in NAMES}
    assert ids["production"] == ids["development"] != ids["classic"]
    assert any(name.startswith("dags/") for name in pull(engine, world, "classic"))
    assert images(engine, world) == before, "nothing is left on the engine"
    layers = {digest for name in ids for digest in map(str, world.astro.image_layers(name))}
    # The engine mounts layers, and sends each repository its config.
    assert uploads.hits == len(layers) + 3


def test_a_failure_in_the_middle_leaves_the_image_for_the_next(
    world: Stage, engine: Engine
) -> None:
    deployment = world.astro.deployment("production")
    world.astro.faults.add("POST", f"/deployments/{deployment.id}/deploys$", status=403, times=None)
    run = world.command("deploy", "--json", env={**world.env, "ASTRO_CI_DEPLOYMENT_NAME": ""})
    outcomes = [one["outcome"] for one in run.document["deployments"]]
    assert outcomes == ["failed", "deployed", "deployed"]
    assert (run.err.count(BUILT), run.err.count(SHARED)) == (2, 1)
    assert not world.astro.deploys("production")


def test_a_build_that_failed_is_not_repeated(world: Stage, engine: Engine, base: str) -> None:
    world.project.write({"Dockerfile": f"FROM {base}\nCOPY missing /\n"})
    world.project.commit("a build that fails")
    before = images(engine, world)
    run = world.command("deploy", "--json", env={**world.env, "ASTRO_CI_DEPLOYMENT_NAME": ""})
    assert run.code == 4
    production, classic, development = run.document["deployments"]
    assert {one["outcome"] for one in (production, classic, development)} == {"failed"}
    # `classic` has the DAGs in its image, and so a build of its own.
    assert run.err.count(BUILT) == 2
    told = [one["error"]["message"] for one in (production, classic, development)]
    assert told[0].startswith("the image was not built: ")
    assert told[1].startswith("the image was not built: ")
    assert told[2] == f"this run tried before, and {told[0]}"
    assert development["error"]["hint"] == production["error"]["hint"]
    assert images(engine, world) == before
    assert not any(world.astro.deploys(name) for name in NAMES)
