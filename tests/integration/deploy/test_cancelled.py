"""A job that is cancelled or killed: what it says, and that the next one sets everything right.

Random moments are in `test_deploy.py` beside this directory; here they are chosen, among them those
in which a request is under way and nobody can know what became of it.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.deploy.support import Held, Job

AS_IT_WAS = "the Deployment is unchanged"
KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to send the signal: while this request is under way."""

    request: tuple[str, str]
    says: str
    """What the message says of the deploy."""

    def arrange(self, job: Job) -> Held:
        """Make the moment come, and last until the request is let go."""
        return Held(job.astro, *self.request)


MOMENTS = {
    "reading": Moment(
        request=("GET", "/deploys$"), says=f"; no deploy was created, and {AS_IT_WAS}"
    ),
    "creating": Moment(
        request=("POST", "/deploys$"),
        says=f"; no deploy was created, or one that stays unfinished, and {AS_IT_WAS}",
    ),
    "uploading": Moment(
        request=("PUT", "^/blobs/"), says=f"; deploy ID was left unfinished, and {AS_IT_WAS}"
    ),
    "finalizing": Moment(
        request=("POST", "/finalize$"), says="; deploy ID was being finalized, and may go live"
    ),
    "waiting": Moment(
        request=("GET", "/deploys/"), says="; deploy ID was already finalized, and goes live"
    ),
}


def dirty(job: Job) -> None:
    """Have something deployed, and something new to deploy."""
    job.deploy()
    job.project.write({"dags/a.py": "a = 2\n", "dags/new.py": "new = 1\n"})


@pytest.mark.parametrize("number", [KILL, TERM, INT], ids=["SIGKILL", "SIGTERM", "SIGINT"])
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_signal_while_a_request_is_under_way(
    job: Job, moment: Moment, number: signal.Signals
) -> None:
    dirty(job)
    before, old, checkout = job.running(), job.running_dags(), job.checkout()
    held = moment.arrange(job)
    process = job.start("deploy", "--type", "dags", "--json")
    held.wait()
    process.signal(number)
    held.let_go()
    run = job.finish(process, was_killed=number == KILL)

    assert job.checkout() == checkout
    held.wait_for_the_answer()
    if "goes live" in moment.says:
        job.assert_runs_the_checkout()
    elif AS_IT_WAS in moment.says:
        assert job.running() == before
    else:
        assert job.running_dags() in (old, job.checked_out_dags())
    if number == KILL:
        assert run.code == -KILL
    else:
        deploy_id = "" if "no deploy" in moment.says else job.astro.deploys("production")[0].id
        says = f"cancelled by {number.name}{moment.says}".replace("ID", deploy_id)
        document = run.document
        assert run.code == 128 + number
        assert document["error"]["message"] == says
        assert document["error"]["exit_code"] == run.code
        assert document["error"]["hint"].startswith("Run the job again")
        assert (document["outcome"], document["deploy_id"]) == ("failed", deploy_id)
        assert f"error: {says}" in run.err

    # Whatever became of it, the next deploy sets it right.
    assert job.deploy().outcome == "deployed"
    job.assert_runs_the_checkout()
    assert job.checkout() == checkout


@pytest.mark.parametrize("line", ["credentials: ", "Plan: ", "created deploy", "uploaded the DAG"])
def test_killed_between_two_requests(job: Job, line: str) -> None:
    dirty(job)
    old, checkout = job.running_dags(), job.checkout()
    process = job.start("deploy", "--type", "dags")
    process.wait_for(line)
    process.signal(KILL)
    job.finish(process, was_killed=True)
    assert job.checkout() == checkout
    assert job.running_dags() in (old, job.checked_out_dags())
    assert job.deploy().outcome == "deployed"
    job.assert_runs_the_checkout()


@pytest.mark.parametrize("second", [TERM, INT], ids=["SIGTERM", "SIGINT"])
def test_an_impatient_ci_system(job: Job, second: signal.Signals) -> None:
    """GitHub sends SIGINT, then SIGTERM; a person presses ^C twice. Nothing is waited for then."""
    dirty(job)
    before = job.running()
    held = MOMENTS["uploading"].arrange(job)
    process = job.start("deploy", "--type", "dags")
    held.wait()
    process.signal(INT)
    time.sleep(0.2)  # it waits for the upload to end in good order
    process.signal(second)
    run = job.finish(process)
    assert run.code == 128 + INT
    (unfinished, _) = job.astro.deploys("production")
    assert f"cancelled by SIGINT; deploy {unfinished.id} was left unfinished" in run.err
    assert job.running() == before


def test_a_plan_that_is_cancelled_says_so_as_well(job: Job) -> None:
    held = MOMENTS["reading"].arrange(job)
    process = job.start("plan", "--json")
    held.wait()
    process.signal(INT)
    held.let_go()
    run = job.finish(process)
    assert run.code == 128 + INT
    assert run.document["error"]["message"] == "cancelled by SIGINT"
    assert "outcome" not in run.document


def test_after_the_outcome_a_signal_changes_nothing(job: Job, tmp_path: Path) -> None:
    """The job that is cancelled in the last moment was deployed, and says one thing only."""
    outputs = tmp_path / "outputs"
    env = {**job.env, "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(outputs)}
    process = job.start("deploy", "--type", "dags", "--json", env=env)
    while not outputs.exists() or not outputs.stat().st_size:
        assert process.popen.poll() is None
    process.signal(TERM)
    run = job.finish(process, env=env)
    assert (run.code, run.document["outcome"]) == (0, "deployed")
