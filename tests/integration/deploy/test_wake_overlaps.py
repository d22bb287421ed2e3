"""Jobs with `--wake` on one Deployment at once: all deploys go live, and it sleeps again."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.text import api_moment_text
from tests.integration.deploy.support import Held, Job, Process
from tests.integration.deploy.test_signals import CHANCE
from tests.integration.deploy.test_wake import FOREVER, NAME, PATH, WAKE, Bed, bed
from tests.integration.stage import Run, Stage
from tests.size import examples

EXAMPLES = examples(1)
AGAIN = f"Deployment {NAME} fell asleep before the deploy was live"
BEFORE = pytest.mark.parametrize("earlier", [None, FOREVER], ids=["schedule", "override"])


class Shared(Bed):
    """Two jobs run from one checkout at once."""

    def searched(
        self, run: Run, *, env: Mapping[str, str] | None = None, was_killed: bool = False
    ) -> Run:
        """See that a run gave nothing away; the other one may have temporary files."""
        self.search(run, self.env if env is None else env)
        assert "Traceback" not in run.err, run.err
        return run

    def deployed(self, process: Process) -> Run:
        run = self.finish(process)
        assert run.code == 0, run.err
        return run

    def start_held(self, method: str, path: str, *options: str) -> tuple[Process, Held]:
        """Start a job, and keep a request of it back."""
        held = Held(self.astro, method, path)
        process = self.start(*WAKE, *options)
        held.wait()
        return process, held

    def before(self, earlier: Mapping[str, Any] | None) -> None:
        if earlier:
            self.api("POST", earlier)


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Shared]:
    """Wakes up at once."""
    with Sandbox(rollout_seconds=0) as astro:
        made = bed(tmp_path, astro)
        yield Shared(made.astro, made.project)


@BEFORE
class TestOneIsAwakeThroughTheOther:
    """The second job finds the Deployment awake, and sets no override of its own."""

    def test_the_first_ends_first(self, jobs: Shared, earlier: dict[str, Any] | None) -> None:
        jobs.before(earlier)
        first, first_held = jobs.start_held("POST", "/deploys$")
        second, second_held = jobs.start_held("POST", "/finalize$")
        first_held.let_go()
        assert AGAIN not in jobs.deployed(first).err
        jobs.assert_asleep_as_before(earlier)
        second_held.let_go()
        run = jobs.deployed(second)
        assert f"Deployment {NAME} is awake by an override that this job has not set" in run.err
        assert "before the deploy is live, this job wakes it up again" in run.err
        assert AGAIN in run.err
        assert jobs.astro.deployment(NAME).dag_tarball_version in run.out
        jobs.assert_asleep_as_before(earlier)

    def test_the_second_ends_first(self, jobs: Shared, earlier: dict[str, Any] | None) -> None:
        jobs.before(earlier)
        first, held = jobs.start_held("POST", "/finalize$")
        before = jobs.asked()
        second = jobs.deployed(jobs.start(*WAKE))
        assert "stays as it is" in second.err
        assert jobs.asked() == before, "it neither sets nor removes an override"
        assert jobs.status == "HEALTHY"
        held.let_go()
        assert AGAIN not in jobs.deployed(first).err
        jobs.assert_asleep_as_before(earlier)

    def test_the_first_is_cancelled(self, jobs: Shared, earlier: dict[str, Any] | None) -> None:
        jobs.before(earlier)
        first, _ = jobs.start_held("POST", "/deploys$")
        second, held = jobs.start_held("POST", "/finalize$")
        first.signal(signal.SIGTERM)
        assert jobs.finish(first).code == 143
        jobs.assert_asleep_as_before(earlier)
        held.let_go()
        assert AGAIN in jobs.deployed(second).err
        jobs.assert_asleep_as_before(earlier)

    def test_the_first_is_killed(self, jobs: Shared, earlier: dict[str, Any] | None) -> None:
        """Its override stays to its end; the second job relies on it, and leaves it."""
        jobs.before(earlier)
        first, _ = jobs.start_held("POST", "/deploys$")
        second, held = jobs.start_held("POST", "/finalize$")
        left = jobs.override
        assert left
        first.signal(signal.SIGKILL)
        assert first.end()[0] == -signal.SIGKILL
        held.let_go()
        assert (
            f"(awake until {api_moment_text(left['overrideUntil'])})" in jobs.deployed(second).err
        )
        assert jobs.override == left

    def test_the_second_is_killed(self, jobs: Shared, earlier: dict[str, Any] | None) -> None:
        jobs.before(earlier)
        first, held = jobs.start_held("POST", "/deploys$")
        second, _ = jobs.start_held("POST", "/finalize$")
        second.signal(signal.SIGKILL)
        assert second.end()[0] == -signal.SIGKILL
        held.let_go()
        jobs.deployed(first)
        jobs.assert_asleep_as_before(earlier)


@BEFORE
class TestBothFindItAsleep:
    """Each sets an override, and the later one replaces the earlier one."""

    def both(self, jobs: Shared, earlier: Mapping[str, Any] | None) -> tuple[Any, Any]:
        """The late job replaces the override of the early one, which waits before its deploy."""
        jobs.before(earlier)
        late, asking = jobs.start_held("POST", PATH, "--wake-time", "9m")  # another end
        early = jobs.start_held("POST", "/deploys$")
        overridden = jobs.override
        finalizing = Held(jobs.astro, "POST", "/finalize$")
        asking.let_go()
        finalizing.wait()
        assert overridden != jobs.override
        return early, (late, finalizing)

    def test_the_one_that_was_replaced_ends_first(
        self, jobs: Shared, earlier: dict[str, Any] | None
    ) -> None:
        (early, early_held), (late, late_held) = self.both(jobs, earlier)
        early_held.let_go()
        run = jobs.deployed(early)
        assert "another job, or somebody else, has changed the hibernation override" in run.err
        assert jobs.status == "HEALTHY"
        assert ("does not put the earlier override back" in run.err) is bool(earlier)
        late_held.let_go()
        assert AGAIN not in jobs.deployed(late).err
        jobs.assert_asleep_as_before(earlier)

    def test_the_other_ends_first(self, jobs: Shared, earlier: dict[str, Any] | None) -> None:
        (early, early_held), (late, late_held) = self.both(jobs, earlier)
        late_held.let_go()
        jobs.deployed(late)
        jobs.assert_asleep_as_before(earlier)
        finalizing = Held(jobs.astro, "POST", "/finalize$")
        early_held.let_go()
        finalizing.wait()
        finalizing.let_go()
        assert AGAIN in jobs.deployed(early).err
        jobs.assert_asleep_as_before(earlier)


@pytest.mark.thorough  # the tests above meet each of these orders first
@BEFORE
def test_three_at_random_moments(tmp_path: Path, earlier: dict[str, Any] | None) -> None:
    with Sandbox(rollout_seconds=0.3, wake_seconds=0.2) as astro:
        made = bed(tmp_path, astro)
        jobs = Shared(made.astro, made.project)
        jobs.before(earlier)
        for _ in range(EXAMPLES):
            processes = []
            for _ in range(3):
                processes.append(jobs.start(*WAKE))
                time.sleep(CHANCE.uniform(0, 0.6))
            for process in processes:
                jobs.deployed(process)
            jobs.assert_asleep_as_before(earlier)


def test_it_wakes_up_already(tmp_path: Path) -> None:
    """The second job waits for what the first one began, and takes over when that one ends."""
    with Sandbox(rollout_seconds=0, wake_seconds=3) as astro:
        made = bed(tmp_path, astro)
        jobs = Shared(made.astro, made.project)
        first = jobs.start(*WAKE)
        first.wait_for("The Deployment is waking up")
        second = jobs.start(*WAKE)
        second.wait_for("is waking up by an override that this job has not set")
        first.signal(signal.SIGTERM)
        assert jobs.finish(first).code == 143
        jobs.assert_deployed(jobs.finish(second))
        jobs.assert_asleep_as_before()
        assert jobs.asked() == ["POST", "DELETE", "POST", "DELETE"]


def test_it_falls_asleep_by_its_schedule(jobs: Shared) -> None:
    jobs.astro.hibernate(NAME, asleep=False)
    process, held = jobs.start_held("POST", "/finalize$")
    jobs.astro.hibernate(NAME)
    held.let_go()
    run = jobs.finish(process)
    jobs.assert_deployed(run)
    assert f"{AGAIN} (no override)" in run.err
    jobs.assert_asleep_as_before()


def test_the_token_may_not_wake_it_up_again(jobs: Shared) -> None:
    jobs.astro.hibernate(NAME, asleep=False)
    process, held = jobs.start_held("POST", "/finalize$")
    jobs.astro.hibernate(NAME)
    jobs.astro.faults.add("POST", PATH, status=403)
    held.let_go()
    run = jobs.finish(process)
    assert run.code == 5
    assert "lacks the permission deployment.hibernation.update" in run.err
    (deploy,) = jobs.astro.deploys(NAME)
    assert f"deploy {deploy.id} was already finalized" in run.err
    assert "may not be restored" not in run.err
    assert jobs.asked() == ["POST"]
    jobs.assert_asleep_as_before()


def test_it_does_not_wake_up_again_in_time(tmp_path: Path) -> None:
    with Sandbox(rollout_seconds=0, wake_seconds=3600) as astro:
        job = Job.prepare(tmp_path, astro)
        jobs = Shared(job.astro, job.project)
        held = Held(astro, "POST", "/finalize$")
        process = jobs.start(*WAKE, "--wake-time", "1s")
        held.wait()
        astro.hibernate(NAME)
        held.let_go()
        run = jobs.finish(process)
        (deploy,) = astro.deploys(NAME)
        assert run.code == 8
        assert f"did not wake up within 1.0 s, and deploy {deploy.id} was accepted" in run.err
        assert "nothing was deployed" not in run.err
        jobs.assert_asleep_as_before()


def test_without_waiting_it_relies_on_the_other(jobs: Shared) -> None:
    other = {"isHibernating": False, "overrideUntil": timestamp(time.time() + 600)}
    jobs.api("POST", other)
    run = Stage.command(jobs, *WAKE, "--no-wait")
    assert run.code == 0, run.err
    assert "the deploy goes live when the Deployment wakes up (--no-wait)" in run.err
    assert jobs.override == other
