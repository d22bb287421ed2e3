"""`--wake`: a hibernating Deployment is awake for the deploy, and afterwards as it was before."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from astro_ci.deploying.hibernation import MARGIN_SECONDS
from astro_ci.sandbox import Sandbox
from astro_ci.sandbox.store.ids import timestamp
from astro_ci.text import api_moment_text
from tests.integration.deploy.support import Held, Job, Process, wait_until
from tests.integration.deploy.test_signals import CHANCE, EXAMPLES, needs_proc, send
from tests.integration.sandbox.support import Client
from tests.integration.stage import Run, Stage

NAME = "development"
WAKE = ("deploy", "--type", "dags", "--wake")
PATH = "hibernation-override"
LATER = timestamp(time.time() + 365 * 86_400)
FOREVER = {"isHibernating": True}
ONE_YEAR = {"isHibernating": True, "overrideUntil": LATER}
DEADLINES = 600.0 + 600.0 + MARGIN_SECONDS


class Bed(Job):
    """A job whose Deployment hibernates."""

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "ASTRO_CI_DEPLOYMENT_NAME": NAME}

    def api(self, method: str, body: Mapping[str, Any] | None = None) -> None:
        client = Client(self.astro, None)
        options = {"json": body} if body is not None else {}
        status = 204 if method == "DELETE" else 200
        client.call(method, client.path(NAME, f"/{PATH}"), status=status, **options)
        client.close()

    def shown(self, name: str = NAME) -> dict[str, Any]:
        client = Client(self.astro, None)
        found = client.deployment(name)
        client.close()
        return found

    @property
    def override(self) -> dict[str, Any] | None:
        """The override that is in effect, as a request would set it."""
        found = self.shown()["scalingSpec"]["hibernationSpec"].get("override")
        if not found or not found["isActive"]:
            return None
        return {key: value for key, value in found.items() if key != "isActive"}

    @property
    def status(self) -> str:
        return str(self.shown()["status"])

    def asked(self, method: str = "", path: str = PATH) -> list[str]:
        """The requests that changed the override, in their order."""
        lines = [line for line in list(self.astro.requests) if path in line.path]
        return [line.method for line in lines if method in line.method]

    def assert_asleep_as_before(self, override: Mapping[str, Any] | None = None) -> None:
        wait_until(lambda: self.status == "HIBERNATING")
        assert self.override == override

    def assert_deployed(self, run: Run) -> None:
        assert run.code == 0, run.err
        (deploy,) = self.astro.deploys(NAME)
        assert deploy.status == "DEPLOYED"
        assert self.astro.deployment(NAME).dag_tarball_version == deploy.dag_tarball_version


def bed(directory: Path, astro: Sandbox) -> Bed:
    made = Bed.prepare(directory, astro)
    assert isinstance(made, Bed)
    astro.hibernate(NAME)
    return made


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Bed]:
    """Wakes up at once."""
    with Sandbox(rollout_seconds=0) as astro:
        yield bed(tmp_path, astro)


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[Bed]:
    """Does not wake up while the test lasts."""
    with Sandbox(rollout_seconds=0, wake_seconds=3600) as astro:
        yield bed(tmp_path, astro)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Bed]:
    """Wakes up at once, and rolls nothing out while the test lasts."""
    with Sandbox(rollout_seconds=3600, wake_seconds=0) as astro:
        yield bed(tmp_path, astro)


class TestDeploys:
    def test_it_is_live_and_then_sleeps_again(self, job: Bed) -> None:
        held = Held(job.astro, "POST", "/deploys$")
        process = job.start(*WAKE)
        held.wait()
        override = job.override
        assert override
        assert override["isHibernating"] is False
        left = datetime.fromisoformat(override["overrideUntil"]).timestamp() - time.time()
        assert DEADLINES - 120 < left <= DEADLINES
        assert job.status == "HEALTHY"
        held.let_go()
        run = job.finish(process)
        job.assert_deployed(run)
        assert f"waking up Deployment {NAME}, which hibernates" in run.err
        assert f"Deployment {NAME} is awake" in run.err
        assert f"removed the hibernation override of Deployment {NAME}" in run.err
        assert job.asked() == ["POST", "DELETE"]
        job.assert_asleep_as_before()

    def test_it_waits_until_the_deployment_is_awake(self, tmp_path: Path) -> None:
        with Sandbox(rollout_seconds=0, wake_seconds=1.5) as astro:
            job = bed(tmp_path, astro)
            run = job.command(*WAKE, "--json")
            job.assert_deployed(run)
            assert "Deployment HIBERNATING (The Deployment is waking up)" in run.err
            assert run.document["phases"]["wake"] > 1
            created = [line.path for line in job.astro.requests if line.method == "POST"]
            assert re.search(f"{PATH}$", created[0])
            job.assert_asleep_as_before()

    @pytest.mark.parametrize("earlier", [FOREVER, ONE_YEAR])
    def test_an_earlier_override_is_put_back(self, job: Bed, earlier: dict[str, Any]) -> None:
        job.astro.hibernate(NAME, asleep=False)
        job.api("POST", earlier)
        run = job.command(*WAKE)
        job.assert_deployed(run)
        assert f"restored the hibernation override of Deployment {NAME}: hibernating" in run.err
        job.assert_asleep_as_before(earlier)

    def test_an_earlier_override_that_ran_out_meanwhile_is_not(self, job: Bed) -> None:
        end = time.time() + 3
        job.api("POST", {"isHibernating": True, "overrideUntil": timestamp(end + 1)})
        held = Held(job.astro, "POST", "/deploys$")
        process = job.start(*WAKE)
        held.wait()
        wait_until(lambda: time.time() > end + 1)
        held.let_go()
        job.assert_deployed(job.finish(process))
        assert job.asked()[-1] == "DELETE"
        job.assert_asleep_as_before()

    def test_what_somebody_else_set_meanwhile_stays(self, job: Bed) -> None:
        held = Held(job.astro, "POST", "/finalize$")
        process = job.start(*WAKE)
        held.wait()
        other = {"isHibernating": False, "overrideUntil": LATER}
        job.api("POST", other)
        held.let_go()
        run = job.finish(process)
        job.assert_deployed(run)
        assert "somebody else, has changed the hibernation override" in run.err
        assert f"it stays as it is: awake until {api_moment_text(LATER)}" in run.err
        assert job.override == other
        assert job.asked() == ["POST", "POST"]

    def test_an_override_that_somebody_removed_is_not_set_again(self, job: Bed) -> None:
        job.api("POST", ONE_YEAR)
        held = Held(job.astro, "POST", "/finalize$")
        process = job.start(*WAKE)
        held.wait()
        job.astro.hibernate(NAME, asleep=False)
        job.api("DELETE")
        held.let_go()
        run = job.finish(process)
        job.assert_deployed(run)
        assert "it stays as it is: no override" in run.err
        assert job.override is None

    @pytest.mark.parametrize(
        "variable", [{"ASTRO_CI_WAKE": "true"}, {"ASTRO_CI_WAKE": "1", "ASTRO_CI_WAKE_TIME": "2m"}]
    )
    def test_by_variables(self, job: Bed, variable: dict[str, str]) -> None:
        run = job.command(*WAKE[:-1], env={**job.env, **variable})
        job.assert_deployed(run)
        job.assert_asleep_as_before()

    def test_each_deployment_of_a_run_on_its_own(self, job: Bed) -> None:
        job.project.write(
            {
                "astro-ci.yaml": "type: dags\nwake: true\ndeployments:\n"
                "  development: {branches: main}\n  production: {branches: main}\n"
            }
        )
        job.project.commit()
        env = {key: job.env[key] for key in job.env if key != "ASTRO_CI_DEPLOYMENT_NAME"}
        run = job.command("deploy", env=env)
        assert run.code == 0, run.err
        assert run.err.count("waking up Deployment") == 1
        assert "nothing to wake up: Deployment production is not in development mode" in run.err
        job.assert_asleep_as_before()

    def test_another_job_that_was_quicker(self, job: Bed) -> None:
        """It finds the Deployment awake, and deploys the same, so that nothing is left to do."""
        held = Held(job.astro, "POST", "/deploys$")
        process = job.start(*WAKE, "--skip-unchanged", "--json")
        held.wait()
        quicker = Stage.command(job, *WAKE)  # without a look at what the first one has open
        assert quicker.code == 0, quicker.err
        assert "waking up" not in quicker.err
        held.let_go()
        run = job.finish(process)
        assert run.code == 0, run.err
        assert run.document["outcome"] == "skipped"
        assert job.asked() == ["POST", "DELETE"]
        job.assert_asleep_as_before()


class TestNothingToWake:
    def test_it_is_awake(self, job: Bed) -> None:
        job.astro.hibernate(NAME, asleep=False)
        run = job.command(*WAKE)
        job.assert_deployed(run)
        assert job.asked() == []

    def test_it_is_not_in_development_mode(self, job: Bed) -> None:
        run = job.command(*WAKE, "--deployment-name", "production")
        assert run.code == 0, run.err
        assert "Deployment production is not in development mode, and only such" in run.err
        assert job.asked() == []

    @pytest.mark.parametrize("option", ["--dry-run", "--skip-unchanged"])
    def test_nothing_is_deployed(self, job: Bed, option: str) -> None:
        if option == "--skip-unchanged":
            assert job.command(*WAKE).code == 0
        before = job.asked()
        run = job.command(*WAKE, option)
        assert run.code == 0, run.err
        assert job.asked() == before

    def test_a_check_that_fails_wakes_nobody_up(self, job: Bed) -> None:
        job.project.write({"dags/a.py": "def x(:  # an Airflow DAG\n"})
        assert job.command(*WAKE).code == 6
        assert job.asked() == []


class TestFailures:
    def test_it_does_not_wake_up_in_time(self, deep: Bed) -> None:
        run = deep.command(*WAKE, "--wake-time", "1s")
        assert run.code == 8
        assert (
            f"Deployment {NAME} did not wake up within 1.0 s, and nothing was deployed" in run.err
        )
        assert "The Deployment is waking up" in run.err
        assert "use --wake-time" in run.err
        assert deep.astro.deploys(NAME) == []
        deep.assert_asleep_as_before()

    def test_a_deploy_that_fails(self, job: Bed) -> None:
        job.api("POST", ONE_YEAR)
        job.astro.fail_next_deploy(NAME)
        assert job.command(*WAKE).code == 7
        job.assert_asleep_as_before(ONE_YEAR)

    def test_a_rollout_that_takes_too_long(self, slow: Bed) -> None:
        assert slow.command(*WAKE, "--wait-time", "1s").code == 8
        slow.assert_asleep_as_before()

    def test_the_token_may_not(self, job: Bed) -> None:
        job.astro.faults.add("POST", PATH, status=403)
        run = job.command(*WAKE)
        assert run.code == 5
        assert "lacks the permission deployment.hibernation.update" in run.err
        assert "hint: Give the token the role Workspace Operator" in run.err
        assert job.astro.deploys(NAME) == []
        assert job.asked("DELETE") == []
        job.assert_asleep_as_before()

    def test_the_restore_fails(self, job: Bed) -> None:
        job.astro.faults.add("DELETE", PATH, status=403, times=None)
        run = job.command(*WAKE)
        job.assert_deployed(run)
        identity = job.astro.deployment(NAME).id
        assert f"warning: the hibernation of Deployment {NAME} could not be restored" in run.err
        assert f"astro deployment wake-up {identity} --remove-override" in run.err

    def test_the_restore_of_an_earlier_override_fails(self, job: Bed) -> None:
        job.api("POST", ONE_YEAR)
        held = Held(job.astro, "POST", "/finalize$")
        process = job.start(*WAKE)
        held.wait()
        job.astro.faults.add("POST", PATH, status=403, times=None)
        held.let_go()
        run = job.finish(process)
        job.assert_deployed(run)
        identity = job.astro.deployment(NAME).id
        assert f"To restore it: astro deployment hibernate {identity} --until {LATER}" in run.err

    @pytest.mark.parametrize("after", [False, True])
    def test_an_answer_that_is_lost(self, job: Bed, after: bool) -> None:
        """The override is read back, and set again only when it was not set."""
        job.astro.faults.add("POST", PATH, status=502, html=True, after=after)
        job.astro.faults.add("DELETE", PATH, status=502, html=True, after=after)
        run = job.command(*WAKE)
        job.assert_deployed(run)
        assert "changing the hibernation got no clear answer" in run.err
        assert job.asked() == (
            ["POST", "DELETE"] if after else ["POST", "POST", "DELETE", "DELETE"]
        )
        job.assert_asleep_as_before()


class TestWithoutWaiting:
    def test_it_stays_awake_until_the_override_ends(self, job: Bed) -> None:
        run = job.command(*WAKE, "--no-wait")
        assert run.code == 0, run.err
        assert re.search(rf"Deployment {NAME} stays awake until \S+ \S+ UTC, so that it", run.err)
        assert job.asked() == ["POST"]
        override = job.override
        assert override
        assert override["isHibernating"] is False
        assert override["overrideUntil"]

    def test_a_failure_restores(self, job: Bed) -> None:
        job.astro.fail_next_deploy(NAME)
        assert job.command(*WAKE, "--no-wait").code == 7
        job.assert_asleep_as_before()

    def test_an_override_that_could_not_be_put_back_is_in_the_way(self, job: Bed) -> None:
        job.api("POST", FOREVER)
        run = job.command(*WAKE, "--no-wait")
        assert run.code == 2
        assert "has a hibernation override (hibernating, without an end)" in run.err
        assert "hint: Leave out --no-wait" in run.err
        assert job.asked() == ["POST"], "none but the test's own"
        job.assert_asleep_as_before(FOREVER)


class TestSignals:
    @pytest.mark.parametrize("earlier", [None, ONE_YEAR])
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_while_it_wakes_up(
        self, deep: Bed, earlier: dict[str, Any] | None, number: int
    ) -> None:
        if earlier:
            deep.api("POST", earlier)
        process = deep.start(*WAKE, "--json")
        process.wait_for("The Deployment is waking up")
        process.signal(number)
        self.assert_cancelled(deep.finish(process), number, "no deploy was created")
        assert deep.astro.deploys(NAME) == []
        deep.assert_asleep_as_before(earlier)

    @pytest.mark.parametrize("earlier", [None, ONE_YEAR])
    def test_during_the_rollout(self, slow: Bed, earlier: dict[str, Any] | None) -> None:
        if earlier:
            slow.api("POST", earlier)
        process = self.rolling_out(slow)
        process.signal(signal.SIGTERM)
        self.assert_cancelled(slow.finish(process), signal.SIGTERM, "was already finalized")
        slow.assert_asleep_as_before(earlier)

    def test_two_signals_in_a_row(self, slow: Bed) -> None:
        process = self.rolling_out(slow)
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGINT)
        run = slow.finish(process)
        assert run.code in (130, 143)
        told = run.document["error"]["message"]
        if "may not be restored" not in told:  # as it is said, on a machine that is too busy
            slow.assert_asleep_as_before()

    def test_a_second_signal_while_the_restore_hangs_says_so(self, slow: Bed) -> None:
        process = self.rolling_out(slow)
        held = Held(slow.astro, "DELETE", PATH)
        process.signal(signal.SIGTERM)
        held.wait()
        process.signal(signal.SIGINT)
        run = slow.finish(process)
        assert run.code == 143
        told = run.document["error"]["message"]
        assert "was already finalized" in told
        if "could not be restored" not in run.err:  # the second signal came in time
            assert "the hibernation of the Deployment may not be restored" in told
            assert re.search(r"which then stays awake until \S+ \S+ UTC$", told)

    def test_a_restore_that_hangs_ends_in_time(self, slow: Bed) -> None:
        process = self.rolling_out(slow)
        Held(slow.astro, "DELETE", PATH, times=None)
        process.signal(signal.SIGTERM)
        run = slow.finish(process)
        assert run.code == 143
        assert "could not be restored" in run.err or "may not be restored" in run.err

    def test_while_the_request_to_wake_up_hangs(self, job: Bed) -> None:
        held = Held(job.astro, "POST", PATH, times=None)
        process = job.start(*WAKE, "--json")
        held.wait()
        process.signal(signal.SIGTERM)
        run = job.finish(process)
        assert run.code == 143
        assert "the request to wake it up has no answer yet" in run.err
        told = run.document["error"]["message"]
        assert "no deploy was created, and the code of the Deployment is unchanged" in told
        assert re.search(r"may not be restored, which then stays awake until \S+ \S+ UTC$", told)
        identity = job.astro.deployment(NAME).id
        assert f"astro deployment wake-up {identity} --remove-override" in run.err

    @pytest.mark.parametrize(
        ("method", "codes"),
        [
            # The request arrives after the signal; the restore waits, so that it is not undone.
            pytest.param("POST", {143}, id="to wake up"),
            # The deploy is done, and its override being removed: that is done to its end.
            pytest.param("DELETE", {0, 143}, id="to restore"),
        ],
    )
    def test_while_a_request_is_under_way(self, job: Bed, method: str, codes: set[int]) -> None:
        held = Held(job.astro, method, PATH)
        process = job.start(*WAKE, "--json")
        held.wait()
        process.signal(signal.SIGTERM)
        time.sleep(0.1)  # the signal is handled, most likely
        held.let_go()
        run = job.finish(process)
        assert run.code in codes, run.err
        job.assert_asleep_as_before()

    @needs_proc
    @pytest.mark.parametrize(
        "earlier",
        # The tests above meet what goes wrong without an earlier override.
        [pytest.param(None, marks=pytest.mark.thorough), ONE_YEAR],
    )
    def test_at_any_moment(self, job: Bed, earlier: dict[str, Any] | None) -> None:
        """The hibernation is as before, or the run says that it may not be."""
        if earlier:
            job.api("POST", earlier)
        for _ in range(EXAMPLES):
            job.project.write({"dags/a.py": f"a = {CHANCE.random()}\n"})
            process = job.start(*WAKE, "--json")
            send(process, CHANCE.choice([(signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)]), 1.2)
            run = job.finish(process)
            assert run.code in (0, 130, 143), run.err
            if "may not be restored" in run.err or "could not be restored" in run.err:
                job.api(*(("POST", earlier) if earlier else ("DELETE",)))
            job.assert_asleep_as_before(earlier)

    def rolling_out(self, job: Bed) -> Process:
        process = job.start(*WAKE, "--json")
        process.wait_for("Deployment DEPLOYING")
        return process

    def assert_cancelled(self, run: Run, number: int, state: str) -> None:
        assert run.code == 128 + number, run.err
        assert state in run.document["error"]["message"]
        assert "may not be restored" not in run.document["error"]["message"]
        assert run.err.rstrip().endswith("outcome: failed")


class TestHint:
    @pytest.mark.parametrize(
        ("system", "words"),
        [
            ({}, "use --wake, or set the variable ASTRO_CI_WAKE to true"),
            (
                {"GITHUB_ACTIONS": "true"},
                "add wake: true to the inputs of the deploy action, or --wake to the command",
            ),
            (
                {"GITLAB_CI": "true"},
                'add wake: "true" to the inputs of the deploy template, or --wake to the command',
            ),
        ],
    )
    def test_names_the_option_in_the_words_of_the_system(
        self, job: Bed, system: dict[str, str], words: str
    ) -> None:
        run = job.command(*WAKE[:-1], env={**job.env, **system})
        assert run.code == 8
        assert f"To wake the Deployment up for the deploy, {words}; or wake it up in" in run.err
        assert "use --no-wait" in run.err

    def test_names_no_option_that_is_set(self, slow: Bed) -> None:
        """Somebody sends it to sleep during the rollout."""
        process = slow.start(*WAKE)
        process.wait_for("Deployment DEPLOYING")
        slow.api("POST", FOREVER)
        run = slow.finish(process)
        assert run.code == 8
        assert "the Deployment is hibernating" in run.err
        assert "hint: Wake the Deployment up in Astro." in run.err
        assert slow.override == FOREVER
