"""The commands of each example are run, as its CI system would, against a sandbox."""

from __future__ import annotations

import fcntl
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.engine import connect
from tests.e2e.images import runtime_image
from tests.surfaces.examples.machine import World
from tests.surfaces.examples.system import DEPLOY, PLAN, System
from tests.surfaces.examples.systems import SYSTEMS

EACH = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)


@EACH
def test_deploy(system: System, world: World) -> None:
    """A DAG has changed since the last deploy: the Deployment runs what was pushed."""
    image = world.seed().image_tag
    world.origin.write({"dags/orders.py": "changed = True\n", "dags/new.py": "new = True\n"})
    world.origin.commit("two DAGs")
    stage, log = world.run(system, DEPLOY)
    assert "deployed: DAGs only to " in log
    assert stage.running_dags() == stage.checked_out_dags()
    newest = world.astro.deploys("production")[0]
    assert newest.git is not None
    assert newest.git.commit_sha == world.origin.head
    assert world.astro.deployment("production").image_tag == image
    assert stage.project.git("status", "--porcelain") == ""


@EACH
def test_plan(system: System, world: World) -> None:
    """A pull request changes a DAG: its plan says so, and changes nothing."""
    world.seed()
    before = world.astro.deploys("production")
    world.origin.git("checkout", "--quiet", "-b", "feature/x")
    world.origin.write({"dags/orders.py": "changed = True\n"})
    world.origin.commit("a pull request")
    _, log = world.run(system, PLAN)
    assert "Plan: DAGs only" in log
    assert "dags/orders.py" in log
    assert world.astro.deploys("production") == before


@pytest.fixture
def runtime() -> Iterator[str]:
    engine = connect(os.environ)
    try:
        with runtime_image(engine) as name:
            yield name
    finally:
        engine.close()


@pytest.mark.docker
@pytest.mark.smoke
def test_the_first_deploy_builds_the_image(world: World, runtime: str) -> None:
    world.origin.write({"Dockerfile": f"FROM {runtime}\n"})
    world.origin.commit("a base image that is there")
    stage, log = world.run(SYSTEMS["shell"], DEPLOY)
    assert "deployed: image and DAGs to " in log
    assert stage.running_dags() == stage.checked_out_dags()
    assert world.astro.image_config("production")


def test_the_shell_script_waits_for_the_one_before(world: World) -> None:
    world.seed()
    world.origin.write({"dags/orders.py": "changed = True\n"})
    world.origin.commit()
    system = SYSTEMS["shell"]
    job = system.job(
        DEPLOY,
        {"ASTRO_API_TOKEN": world.astro.token},
        examples=world.edited(system.files[DEPLOY]),
    )
    stage = world.check_out(system, DEPLOY)
    env = world.environment(system, DEPLOY, job, stage.project.head)
    lock = Path(env["HOME"], ".cache", "astro-ci", "lock")
    lock.parent.mkdir(parents=True)
    with lock.open("w") as other_run:
        fcntl.flock(other_run, fcntl.LOCK_EX)
        process = subprocess.Popen(job.processes[0], cwd=stage.project.root, env=env)
        while not _is_waited_for(lock):
            assert process.poll() is None, "it did not wait"
            time.sleep(0.05)
        assert len(world.astro.deploys("production")) == 1
    assert process.wait(60) == 0
    assert stage.running_dags() == stage.checked_out_dags()


def _is_waited_for(lock: Path) -> bool:
    """Whether a process is blocked on the lock. Source: proc_locks(5)."""
    inode = f":{lock.stat().st_ino} "
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and inode in line for line in lines)


@pytest.mark.parametrize("name", ["azure-devops", "drone"])
def test_a_forks_pull_request_has_no_secrets(name: str, world: World) -> None:
    """Azure leaves the macro as it is, Drone the variable empty: there is a plan all the same."""
    world.origin.git("checkout", "--quiet", "-b", "feature/x")
    world.origin.write({"dags/orders.py": "changed = True\n"})
    world.origin.commit("a pull request")
    _, log = world.run(SYSTEMS[name], PLAN, secrets={})
    assert "Plan: image and DAGs" in log
    assert "no credentials, so what runs is not known" in log
