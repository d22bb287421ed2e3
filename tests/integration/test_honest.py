"""What a run says about states that are not plain: it claims no more than it knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.model import Request
from astro_ci.sandbox import Sandbox
from tests.integration.stage import Stage, stage
from tests.integration.terminal import Terminal

DEAD_ENGINE = "unix:///nowhere/docker.sock"
DAGS = ("deploy", "--dags")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0) as astro:
        yield stage(tmp_path, astro)


# --- uncommitted files ---------------------------------------------------------------------------


def at_terminal(world: Stage, *words: str, answers: str) -> Terminal:
    return Terminal(world.project.root, *words, answers=answers, **world.env)


class TestUncommitted:
    def test_at_a_terminal_they_are_asked_about(self, world: Stage) -> None:
        world.project.write({"dags/new.py": "n = 1\n", "README.md": "does not ship\n"})
        before = world.state()
        done = at_terminal(world, *DAGS, answers="n\n")
        assert done.code == 2
        assert "1 uncommitted file would be deployed:" in done.asked
        assert "  dags/new.py" in done.asked
        assert "nothing was deployed" in done.asked
        assert "hint: Commit it, or put it aside with `git stash -u`" in done.asked
        assert world.state() == before
        assert not world.astro.deploys("production")
        done = at_terminal(world, *DAGS, answers="y\n")
        assert done.code == 0, done.asked
        assert "dags/new.py" in world.running_dags()

    def test_the_end_of_input_is_no_yes(self, world: Stage) -> None:
        world.project.write({"dags/new.py": "n = 1\n"})
        assert at_terminal(world, *DAGS, answers="\x04").code == 2
        assert not world.astro.deploys("production")

    def test_what_does_not_ship_is_not_asked_about(self, world: Stage) -> None:
        world.project.write({"requirements.txt": "x\n", "README.md": "x\n"})
        done = at_terminal(world, *DAGS, answers="\x04")
        assert done.code == 0, done.asked
        assert "would be deployed" not in done.asked

    def test_without_a_terminal_they_are_listed(self, world: Stage) -> None:
        world.project.write({f"dags/new{n:02}.py": "n = 1\n" for n in range(25)})
        run = world.command(*DAGS, "--json")
        assert run.code == 0
        assert "warning: 25 uncommitted files are deployed:\n  dags/new00.py" in run.err
        assert "  ... and 5 more" in run.err
        assert run.document["uncommitted"] == [f"dags/new{n:02}.py" for n in range(25)]
        assert run.document["dirty"] is True

    def test_in_ci_they_are_counted(self, world: Stage) -> None:
        world.project.write({"dags/generated.py": "n = 1\n"})
        run = world.command(*DAGS, env={**world.env, "CI": "true", "GITHUB_ACTIONS": "true"})
        assert run.code == 0, run.err
        assert "with uncommitted changes (1 file)" in run.err
        assert "would be deployed" not in run.err

    def test_nothing_to_deploy_asks_nothing(self, world: Stage) -> None:
        world.project.write({"dags/new.py": "n = 1\n"})
        world.deploy()
        done = at_terminal(world, *DAGS, "--skip-unchanged", answers="\x04")
        assert done.code == 0, done.asked
        assert "would be deployed" not in done.asked


# --- an engine that is not there -----------------------------------------------------------------


class TestNoEngine:
    def test_a_changed_image_has_no_way_around_it(self, world: Stage) -> None:
        """Deploying the DAGs alone would leave their new requirement behind."""
        run = world.command("deploy", env={**world.env, "DOCKER_HOST": DEAD_ENGINE})
        assert run.code == 4
        assert "no Docker Engine answers" in run.err
        assert "--type dags" not in run.err

    def test_an_unchanged_image_has_one(self, world: Stage) -> None:
        words = ("deploy", "--type", "image-and-dags", "--base", "HEAD")
        run = world.command(*words, env={**world.env, "DOCKER_HOST": DEAD_ENGINE})
        assert run.code == 4
        assert "The image is unchanged: a deploy of the DAGs alone (--type dags)" in run.err


# --- a token of another Deployment, a Runtime that cannot run ------------------------------------


def test_a_token_of_another_deployment_says_whose_it_is(world: Stage) -> None:
    token = world.astro.new_token(deployment="development")
    wanted = world.astro.deployment("production").id
    env = {**world.env, "ASTRO_API_TOKEN": token, "ASTRO_CI_DEPLOYMENT_NAME": ""}
    run = world.command("deploy", "--dags", "--deployment-id", wanted, env=env)
    assert run.code == 5
    assert "The token belongs to Deployment development (" in run.err


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("astro-runtime:99.0.0", "Runtime 99.0.0, which this Deployment does not support"),
        ("astro-runtime:4.0.0", "Astro does not downgrade"),
        ("astro-runtime:4.0.0-python-3.11-base", "Astro does not downgrade"),
        ("--platform=linux/arm64 astro-runtime:13.1.0", "Astro runs linux/amd64 only"),
    ],
)
def test_an_image_that_cannot_run_is_told_before_it_is_built(
    world: Stage, base: str, message: str
) -> None:
    *flags, name = base.split()
    line = " ".join(["FROM", *flags, f"quay.io/astronomer/{name}"])
    world.project.write({"Dockerfile": f"{line}\n"})
    world.project.commit()
    env = {**world.env, "DOCKER_HOST": DEAD_ENGINE}
    for verb in ("plan", "deploy", "doctor"):
        run = world.command(verb, env=env)
        assert message in run.out + run.err, verb
        assert run.code == 3 or verb == "doctor"
        assert run.code != 0
    assert not world.astro.deploys("production")


@pytest.mark.parametrize("tag", ["13.1.0", "13.1.0-newbie", "13.1.0-python-3.12", "latest"])
def test_an_image_that_may_run_is_refused_by_none(world: Stage, tag: str) -> None:
    world.project.write({"Dockerfile": f"FROM quay.io/astronomer/astro-runtime:{tag}\n"})
    world.project.commit()
    assert world.command("plan").code == 0
    doctor = world.command("doctor")
    assert "does not support" not in doctor.out + doctor.err


def test_a_stage_for_another_platform_is_fine_when_it_is_not_the_last(world: Stage) -> None:
    world.project.write(
        {
            "Dockerfile": "FROM --platform=linux/arm64 busybox AS tools\n"
            "FROM --platform=$TARGETPLATFORM quay.io/astronomer/astro-runtime:13.1.0\n"
        }
    )
    world.project.commit()
    assert world.command("plan").code == 0


# --- asleep, and older ---------------------------------------------------------------------------


class TestHibernating:
    def test_a_deploy_is_accepted_and_not_live(self, world: Stage) -> None:
        world.astro.hibernate("production")
        run = world.command(*DAGS)
        assert run.code == 8
        assert "was accepted, but is not live: the Deployment is hibernating" in run.err
        assert "--no-wait" in run.err
        assert "deployed:" not in run.out

    def test_without_waiting_it_is_a_deploy_that_claims_nothing(self, world: Stage) -> None:
        world.astro.hibernate("production")
        run = world.command(*DAGS, "--no-wait")
        assert run.code == 0, run.err
        assert "not waiting until the deploy is live" in run.err

    def test_a_plan_does_not_say_that_it_runs(self, world: Stage) -> None:
        world.deploy()
        world.project.root.joinpath("Dockerfile").unlink()
        for ignored in (".dockerignore", "requirements.txt", "packages.txt", "include/q.sql"):
            world.project.root.joinpath(ignored).unlink()
        world.project.commit()
        world.astro.hibernate("production")
        plan = world.command("plan", "--dags", "--skip-unchanged")
        assert plan.code == 0, plan.err
        assert "is already deployed; the Deployment hibernates" in plan.out
        assert "already running" not in plan.out


def test_a_stale_run_says_how_to_go_back_on_purpose(world: Stage) -> None:
    old = world.project.head
    world.project.write({"dags/a.py": "a = 2\n"})
    world.project.commit()
    world.deploy()
    world.project.git("reset", "--quiet", "--hard", old)
    result = world.deploy(requested=Request.DAGS)
    assert result.outcome == "skipped"
    for way in ("--allow-older", "roll back to an earlier deploy"):
        assert way in result.plan.reason
