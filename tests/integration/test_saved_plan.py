"""`plan --out` and `deploy --plan`: what was approved is deployed, or nothing is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from astro_ci import __version__
from astro_ci.errors import OutdatedPlanError
from astro_ci.model import Plan
from astro_ci.sandbox import Sandbox
from astro_ci.terminal.plan_file import read_plan_file
from tests.integration.stage import Run, Stage, stage

AGAIN = "Make a new plan, have it approved, and deploy with the new one. Nothing was deployed."
OPTIONS = "Give `plan` and `deploy` the same options. Nothing was deployed."


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0) as astro:
        made = stage(tmp_path, astro)
        made.project.write({".dockerignore": ".git\n"})
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


def plan(world: Stage, file: Path, *arguments: str, **env: str) -> Run:
    """Save a plan of the DAGs."""
    variables = {**world.env, **env}
    run = world.command("plan", "--dags", "--out", str(file), *arguments, env=variables)
    assert run.code == 0, run.err
    return run


def deploy(world: Stage, file: Path | str, *arguments: str, **env: str) -> Run:
    """Deploy what was planned."""
    variables = {**world.env, **env}
    words = arguments or ("--dags",)
    return world.command("deploy", "--json", "--plan", str(file), *words, env=variables)


def refused(run: Run, world: Stage, state: Any) -> dict[str, Any]:
    """The error of a deploy that changed nothing."""
    assert world.state() == state
    assert run.document["outcome"] == "failed"
    found: dict[str, Any] = run.document["error"]
    assert found["exit_code"] == run.code
    return found


def test_what_was_planned_is_deployed_and_a_second_job_skips(world: Stage, file: Path) -> None:
    run = plan(world, file)
    assert json.loads(file.read_text())["digests"]["dags"]
    assert "Plan: DAGs only" in run.out
    assert run.out.rstrip().endswith(f"Next: astro-ci deploy --dags --plan {file}")
    done = deploy(world, file)
    assert (done.code, done.document["outcome"]) == (0, "deployed")
    again = deploy(world, file, "--dags", "--skip-unchanged")
    assert (again.code, again.document["outcome"]) == (0, "skipped")


def test_the_next_command_deploys_the_saved_plan(world: Stage, file: Path) -> None:
    run = world.command("plan", "--dags", "--out", str(file), env=world.env)
    assert run.out.rstrip().endswith(f"Next: astro-ci deploy --dags --plan {file}")
    run = world.command("plan", "--dags", f"--out={file}", env=world.env)
    assert run.out.rstrip().endswith(f"Next: astro-ci deploy --dags --plan={file}")


def test_a_dry_run_compares_as_well(world: Stage, file: Path) -> None:
    plan(world, file)
    assert deploy(world, file, "--dags", "--dry-run").code == 0
    world.project.write({"dags/a.py": "a = 2\n"})
    assert deploy(world, file, "--dags", "--dry-run").code == 11


def commit(world: Stage) -> None:
    world.project.write({"README.md": "more\n"})
    world.project.commit("another commit")


def change(world: Stage) -> None:
    world.project.write({"dags/a.py": "a = 2\n"})


def deploy_by_hand(world: Stage) -> None:
    world.deploy()
    assert world.astro.deploys("production")


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (commit, "no longer holds: commit "),
        (change, "no longer holds: what would ship has changed since (dags)"),
        (deploy_by_hand, "no longer holds: no DAG bundle ran, and now DAG bundle 20"),
    ],
)
def test_what_moved_since_is_refused(
    world: Stage, file: Path, move: Callable[[Stage], None], message: str
) -> None:
    plan(world, file)
    move(world)
    before, state = len(world.astro.deploys("production")), world.state()
    run = deploy(world, file)
    assert run.code == 11
    error = refused(run, world, state)
    assert error["message"].startswith("the saved plan of production no longer holds: ")
    assert message in error["message"]
    assert error["hint"] == AGAIN
    assert len(world.astro.deploys("production")) == before


def test_a_switch_of_dag_only_deploys_is_refused(world: Stage, file: Path) -> None:
    everything = {"ASTRO_CI_DEPLOYMENT_NAME": "production"}
    world.command("plan", "--out", str(file), env={**world.env, **everything})
    switched = world.command("deployment", "update", "production", "--dag-deploy", "disable")
    assert switched.code == 0, switched.err
    run = deploy(world, file, "--type", "auto")
    assert run.code == 11
    assert "DAG-only deploys have been disabled since" in run.document["error"]["message"]


def test_what_moves_during_the_deploy_is_refused(world: Stage, file: Path) -> None:
    plan(world, file)
    saved = read_plan_file(file)
    seen: list[Plan] = []

    def rival(found: Plan) -> None:
        seen.append(found)
        if len(seen) == 1:
            saved.check(found)
            (world.project.root / "dags/a.py").write_text("a = 3\n")
            world.deploy()
            (world.project.root / "dags/a.py").write_text("a = 1  # an Airflow DAG\n")

    with pytest.raises(OutdatedPlanError, match="no longer holds: no DAG bundle ran") as caught:
        world.deploy(on_plan=rival, approve=saved.check)
    assert "stays unfinished" in caught.value.message or "unchanged" in caught.value.message
    assert world.running_dags()["dags/a.py"] == b"a = 3\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--type", "auto"), "was made with --type dags, and this deploy has --type auto"),
        (
            ("--dags", "--deployment-name", "development"),
            "the saved plan is for production, and this run deploys to development",
        ),
        (("--dags", "--project", "other"), "is for production, and this run deploys to production"),
    ],
)
def test_other_options_are_refused(
    world: Stage, file: Path, arguments: tuple[str, ...], message: str
) -> None:
    world.project.write({"other/dags/b.py": "b = 1  # an Airflow DAG\n"})
    world.project.commit("two projects")
    plan(world, file)
    state = world.state()
    run = deploy(world, file, *arguments)
    assert run.code == 2
    assert message in refused(run, world, state)["message"]


def test_a_plan_without_credentials_is_refused(world: Stage, file: Path) -> None:
    plan(world, file, ASTRO_API_TOKEN="")
    run = deploy(world, file)
    assert run.code == 2
    assert "made without credentials" in run.document["error"]["message"]
    assert "a token of Astro" in run.document["error"]["hint"]


def test_a_plan_of_another_repository_is_refused(world: Stage, file: Path) -> None:
    world.project.git("remote", "add", "origin", "https://git.example.com/acme/one.git")
    plan(world, file)
    world.project.git("remote", "set-url", "origin", "https://git.example.com/acme/two.git")
    run = deploy(world, file)
    assert run.code == 2
    assert (
        "is for the repository git.example.com/acme/one, and this is git.example.com/acme/two"
        in run.document["error"]["message"]
    )


def test_of_several_deployments_the_one_that_moved_is_refused(world: Stage, file: Path) -> None:
    entries = "".join(f"  {name}: {{branches: main}}\n" for name in ("production", "development"))
    world.project.write({"astro-ci.yaml": f"type: dags\ndeployments:\n{entries}"})
    world.project.commit("two Deployments")
    env = {**world.env, "ASTRO_CI_DEPLOYMENT_NAME": ""}
    assert world.command("plan", "--out", str(file), env=env).code == 0
    assert len(json.loads(file.read_text())["deployments"]) == 2
    deploy_by_hand(world)
    run = world.command("deploy", "--json", "--plan", str(file), env=env)
    assert run.code == 11
    production, development = run.document["deployments"]
    assert (production["outcome"], development["outcome"]) == ("failed", "deployed")
    assert "the saved plan of production no longer holds" in production["error"]["message"]
    # A job for one of them alone may use the same file.
    one = world.command("deploy", "--json", "--plan", str(file), "--deployment-name", "development")
    assert one.code == 11, "it is deployed already"


def test_a_plan_in_the_project_is_no_part_of_it(world: Stage) -> None:
    """As `astro-ci plan --json > plan.json` leaves it, which exists before the plan is made."""
    command = [sys.executable, "-m", "astro_ci"]
    root, env = world.project.root, {**os.environ, **world.env}
    with (root / "plan.json").open("wb") as out:
        words = [*command, "plan", "--dags", "--json"]
        subprocess.run(words, cwd=root, env=env, stdout=out, check=True)
    saved = json.loads((root / "plan.json").read_text())
    assert (saved["dirty"], saved["uncommitted"]) == (False, [])
    done = deploy(world, "plan.json")
    assert (done.code, done.document["dirty"]) == (0, False)
    assert plan(world, root / "plan.json", "--json").document["dirty"] is False


def test_a_plan_among_the_dags_does_not_ship(world: Stage) -> None:
    dags = world.checked_out_dags()
    plan(world, world.project.root / "dags/plan.json")
    done = deploy(world, "dags/plan.json")
    assert (done.code, done.document["dirty"]) == (0, False)
    assert world.running_dags() == dags


WHOLE: dict[str, Any] = {
    "schema": 1,
    "version": __version__,
    "deploy_type": "dags",
    "requested": "dags",
    "head": "a" * 40,
}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b'{"schema": 1, "deploy_type": "dags", "hea', "is cut off, or is no JSON document"),
        (b"<html><body>Sign in</body></html>", "is cut off, or is no JSON document"),
        (b"\xff\xfe", "cannot be read: line 1 is not UTF-8 text"),
        # A name of its own: that of the content would be too long for the environment.
        pytest.param(b'{"schema":' * 100_000, "is cut off, or is no JSON document", id="deep"),
        (b"[]", "is no plan of astro-ci"),
        (b"{}", "is no plan of astro-ci"),
        (b'{"schema": 1, "checks": [], "findings": []}', "is no plan of astro-ci"),
        (b'{"schema": 1, "error": {"message": "no token"}}', "of a run that failed: no token"),
        (b'{"schema": "1", "deploy_type": "dags"}', "is no plan of astro-ci"),
        (b'{"schema": 2, "deploy_type": "dags"}', "was written by another astro-ci, and this is"),
        (
            b'{"schema": 1, "deploy_type": "dags", "version": "0.0.1\\u001b[2J"}',
            "was written by astro-ci 0.0.1",
        ),
        (json.dumps(WHOLE).encode(), "is no plan of astro-ci: Object missing required field"),
        (json.dumps({**WHOLE, "outcome": "deployed"}).encode(), "is what a deploy printed"),
        (b'{"schema": 1, "deployments": []}', "has no Deployment"),
    ],
)
def test_what_is_no_plan(world: Stage, file: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        file.write_bytes(content)
    state = world.state()
    run = deploy(world, file)
    assert run.code == 2
    error = refused(run, world, state)
    assert error["message"].startswith("the plan file ")
    assert message in error["message"]
    assert "\x1b" not in run.err
    assert error["hint"].endswith(".")
    assert not world.astro.deploys("production")


def test_a_plan_that_is_too_large_is_not_read(world: Stage, file: Path) -> None:
    with file.open("wb") as out:
        out.truncate(1 << 40)  # sparse
    run = deploy(world, file)
    assert run.code == 2
    assert "it is larger than 64,000,000 bytes" in run.document["error"]["message"]


def test_a_link_out_of_the_checkout_is_not_followed(world: Stage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret of the job")
    (world.project.root / "plan.json").symlink_to(tmp_path / "secret")
    run = deploy(world, "plan.json")
    assert run.code == 2
    assert "leads out of the repository" in run.document["error"]["message"]
    assert "a secret" not in run.err


def test_a_forged_plan_deploys_nothing_else(world: Stage, file: Path) -> None:
    """What a file says is compared, and chooses neither a Deployment nor what is deployed."""
    plan(world, file)
    forged = json.loads(file.read_text())
    forged["deployment"]["id"] = world.astro.deployment("development").id
    file.write_text(json.dumps(forged))
    assert deploy(world, file).code == 2
    assert not world.astro.deploys("development")
    forged["deployment"]["id"] = world.astro.deployment("production").id
    forged["deploy_type"] = "image-and-dags"
    file.write_text(json.dumps(forged))
    run = deploy(world, file)
    assert run.code == 11
    assert (
        "image-and-dags was planned, and now the plan is dags" in run.document["error"]["message"]
    )
    assert not world.astro.deploys("production")


def test_a_failed_plan_writes_no_file(world: Stage, file: Path) -> None:
    run = world.command("plan", "--out", str(file), "--deployment-name", "nowhere")
    assert run.code != 0
    assert not file.exists()
    run = world.command("plan", "--out", str(world.project.root), "--dags")
    assert run.code == 4
    assert "the plan could not be written to" in run.err
