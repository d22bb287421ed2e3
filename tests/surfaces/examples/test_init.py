"""What `init` writes is run, as its CI system would, against a sandbox."""

from __future__ import annotations

import subprocess
import sys

import pytest

from astro_ci.pipelines import systems as written
from tests.integration.stage import Stage
from tests.surfaces.examples.machine import World
from tests.surfaces.examples.system import DEPLOY, PLAN
from tests.surfaces.examples.systems import BY_KEY

EACH = pytest.mark.parametrize("key", sorted(set(BY_KEY) & set(written.KEYS)))


def push(world: World, key: str, *, event: str) -> tuple[Stage, str]:
    """From an empty repository to a run of its pipeline, by `init`, a commit and a push.

    `event` is the job of the examples whose variables the CI system sets.
    """
    system = BY_KEY[key]
    world.seed()
    words = ("init", "--ci", key, "--deployment-name", "production")
    done = subprocess.run(
        [sys.executable, "-m", "astro_ci", *words],
        cwd=world.origin.root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    world.origin.write({"dags/new.py": "new = True\n"})
    world.origin.commit("a pipeline and a DAG")
    stage = world.check_out(system, DEPLOY)
    pipeline = stage.project.root / written.system_named(key).path
    job = system.read(pipeline, DEPLOY, {"ASTRO_API_TOKEN": world.astro.token})
    env = world.environment(system, event, job, stage.project.head)
    log = ""
    for process in job.processes:
        ran = subprocess.run(
            process, cwd=stage.project.root, env=env, capture_output=True, text=True
        )
        log += ran.stdout + ran.stderr
        assert ran.returncode == 0, log
    stage.refuse_secrets(log)
    return stage, log


@EACH
def test_a_push_deploys(key: str, world: World) -> None:
    stage, log = push(world, key, event=DEPLOY)
    assert "deployed: DAGs only to " in log
    assert stage.running_dags() == stage.checked_out_dags()


@EACH
def test_a_pull_request_deploys_nothing(key: str, world: World) -> None:
    """Even where the CI system runs the job for it, for whatever reason."""
    _, log = push(world, key, event=PLAN)
    assert "skipped: " in log
    assert len(world.astro.deploys("production")) == 1
