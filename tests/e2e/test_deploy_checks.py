"""Deploys whose DAGs are loaded, and whose tests are run, before anything is created."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci.errors import CheckFailedError
from astro_ci.image.engine import Engine
from astro_ci.model import DeployType, Request
from astro_ci.sandbox import Sandbox
from tests.dag_files import a_dag
from tests.e2e.airflow_image import runtime_tag
from tests.e2e.images import RUNTIME_LABEL
from tests.e2e.layers import lend_layers, push_layers
from tests.e2e.test_checks import assert_nothing_remains, remains
from tests.e2e.test_deploy import images
from tests.integration.stage import Stage, stage
from tests.once import once

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

BROKEN = a_dag("broken", "import nowhere_to_be_found\n")
CHECKED: dict[str, Any] = {"requested": Request.AUTO, "parse": None}
"""As the command line without options."""


@pytest.fixture(scope="module")
def runtime(engine: Engine, airflow_2: Path) -> str:
    """A stand-in for Astro Runtime with a real Airflow."""
    return runtime_tag(engine, 2, airflow_2)


@pytest.fixture(scope="module")
def pushed(engine: Engine, runtime: str, shared_directory: Path) -> Path:
    """What a registry has that knows the stand-in."""
    return once(
        shared_directory / "layers-of-airflow", functools.partial(push_layers, engine, runtime)
    )


@pytest.fixture
def world(tmp_path: Path, runtime: str, pushed: Path) -> Iterator[Stage]:
    data = tmp_path / "sandbox"
    with Sandbox(data=data, rollout_seconds=0.1) as astro:
        lend_layers(pushed, data, astro)
        made = stage(tmp_path, astro)
        made.project.write(
            {
                "Dockerfile": f"FROM {runtime}\nLABEL {RUNTIME_LABEL}=13.1.0\n",
                "dags/a.py": a_dag("a"),
                "dags/sub/b.py": a_dag("b"),
                "tests/test_a.py": "def test_a():\n    assert True\n",
            }
        )
        made.project.commit("a project that Airflow can load")
        yield made


@pytest.fixture
def deployed(world: Stage) -> Stage:
    """A world whose project is deployed."""
    world.deploy(**{**CHECKED, "parse": False})
    return world


@pytest.fixture(autouse=True)
def _leaves_nothing(engine: Engine, world: Stage) -> Iterator[None]:
    before, before_images = remains(engine), images(engine, world)
    yield
    assert images(engine, world) == before_images
    assert_nothing_remains(engine, before)


def refusal(world: Stage, **options: Any) -> CheckFailedError:
    """What a deploy is refused with: no deploy was created then, and nothing was pushed."""
    before, deploys = world.state(), len(world.astro.deploys("production"))
    requests = len(world.astro.requests)
    with pytest.raises(CheckFailedError) as caught:
        world.deploy(**options)
    assert world.state() == before
    assert len(world.astro.deploys("production")) == deploys
    sent = list(world.astro.requests)[requests:]
    assert {request.method for request in sent} <= {"GET", "HEAD"}
    assert caught.value.exit_code == 6
    return caught.value


def names(checks: Any) -> list[tuple[str, str]]:
    return [(checked.name, checked.status) for checked in checks]


def test_an_image_deploy_loads_the_dags_in_its_image(world: Stage) -> None:
    result = world.deploy(**CHECKED)
    assert names(result.plan.checks) == [("static", "passed"), ("parse", "passed")]
    (note,) = result.plan.checks[1].notes
    assert "in the image astro-ci/" in note
    assert result.outcome == "deployed"
    assert result.overridden == ()


def test_a_dag_that_cannot_be_loaded_is_refused(world: Stage) -> None:
    world.project.write({"dags/broken.py": BROKEN})
    error = refusal(world, **CHECKED)
    assert "the parse check found 1 error: dags/broken.py:4: " in error.message
    assert "nowhere_to_be_found" in error.message
    assert error.result
    assert names(error.result.plan.checks)[1] == ("parse", "failed")


def test_where_the_dags_ship_in_the_image_what_it_leaves_out_is_no_matter(world: Stage) -> None:
    world.project.write({"dags/broken.py": BROKEN, ".dockerignore": ".git\ndags/broken.py\n"})
    result = world.deploy(**CHECKED, deployment_name="classic")
    assert names(result.plan.checks)[1] == ("parse", "passed")


def test_no_parse_leaves_it_out(world: Stage) -> None:
    world.project.write({"dags/broken.py": BROKEN})
    result = world.deploy(**{**CHECKED, "parse": False})
    assert names(result.plan.checks) == [("static", "passed")]


def test_force_names_what_it_overrode(world: Stage) -> None:
    world.project.write({"dags/broken.py": BROKEN})
    run = world.command("deploy", "--json", "--force", "parse", env={**world.env, **UNSET})
    assert run.code == 0, run.err
    assert run.document["overridden"] == ["parse"]
    assert "deploying anyway, as --force says" in run.err
    newest = world.astro.deploys("production")[0]
    assert newest.description.startswith("[forced past parse] ")


def test_force_overrides_what_it_names_alone(world: Stage) -> None:
    world.project.write({"dags/broken.py": BROKEN})
    error = refusal(world, **CHECKED, force=("static", "pytest"))
    assert error.message.startswith("the parse check found")


def test_an_image_without_airflow_is_refused(world: Stage, base: str) -> None:
    world.project.write({"Dockerfile": f"FROM {base}\n"})
    error = refusal(world, **CHECKED)
    assert "the parse check was not possible: " in error.message
    assert "--no-parse" in error.hint


def test_the_tests_run_in_the_image_and_both_checks_are_made(world: Stage) -> None:
    world.project.write(
        {"dags/broken.py": BROKEN, "tests/test_a.py": "def test_a():\n    assert False\n"}
    )
    error = refusal(world, **CHECKED, pytest="true")
    assert error.result
    assert names(error.result.plan.checks)[1:] == [("parse", "failed"), ("pytest", "failed")]


def test_the_file_of_deploy_action_is_found_as_the_astro_cli_finds_it(world: Stage) -> None:
    world.project.write({"tests/test_b.py": "def test_b():\n    assert False\n"})
    result = world.deploy(**CHECKED, pytest="true", pytest_file="test_a.py")
    assert names(result.plan.checks)[2] == ("pytest", "passed")


def test_tests_that_are_missing_are_refused(world: Stage) -> None:
    error = refusal(world, **{**CHECKED, "parse": False}, pytest="tests/no_such.py")
    assert "the pytest check was not possible: " in error.message


def test_dags_alone_are_not_loaded_when_no_image_is_at_hand(deployed: Stage) -> None:
    deployed.project.write({"dags/broken.py": BROKEN})
    result = deployed.deploy(**CHECKED)
    assert result.plan.deploy_type is DeployType.DAGS
    assert names(result.plan.checks) == [("static", "passed"), ("parse", "skipped")]
    (reason,) = result.plan.checks[1].not_checked
    assert reason.startswith("DAG files were not loaded, as there is no Airflow here (--parse ")


def test_dags_alone_are_loaded_in_the_image_that_runs_when_the_engine_has_it(
    deployed: Stage, engine: Engine
) -> None:
    running = deployed.astro.deployment("production")
    repository, tag = running.image_repository, running.image_tag
    auth = {"username": "cli", "password": deployed.astro.token}
    engine.client.images.pull(repository, tag=tag, auth_config=auth)
    try:
        deployed.project.write({"dags/broken.py": BROKEN})
        error = refusal(deployed, **CHECKED)
        assert engine.client.images.list(name=f"{repository}:{tag}"), "what was there stays"
    finally:
        engine.remove_image(f"{repository}:{tag}")
    assert "the parse check found 1 error" in error.message


def test_parse_pulls_the_image_that_runs(deployed: Stage) -> None:
    deployed.project.write({"dags/c.py": a_dag("c")})
    result = deployed.deploy(**{**CHECKED, "parse": True})
    assert result.plan.deploy_type is DeployType.DAGS
    assert names(result.plan.checks)[1] == ("parse", "passed")
    running = deployed.astro.deployment("production")
    assert f"{running.image_repository}:{running.image_tag}" in result.plan.checks[1].notes[0]


def test_parse_that_is_asked_for_and_not_possible_is_refused(deployed: Stage) -> None:
    deployed.project.write({"dags/c.py": a_dag("c")})
    deployed.astro.faults.add("GET", "^/v2/.*/manifests/", status=403, times=10)
    deployed.astro.faults.add("HEAD", "^/v2/.*/manifests/", status=403, times=10)
    error = refusal(deployed, **{**CHECKED, "parse": True})
    assert "could not be pulled" in error.message
    assert "--no-parse" in error.hint


UNSET = {"ASTRO_CI_PARSE": "", "ASTRO_CI_TYPE": "auto"}
