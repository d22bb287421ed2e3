"""A job that is cancelled or killed leaves the Deployment as it was or fully updated."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.deploy.support import SECONDS, Job, Process

HANG_SECONDS = 0.4
"""How long an answer is kept back, so that the signal comes while it is waited for."""

Wait = Callable[[Process], None]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When to send the signal: at a line of the log, or while a request is under way."""

    line: str = ""
    method: str = ""
    path: str = ""
    says: str
    """What the message says of the deploy."""

    def arrange(self, astro: Sandbox) -> Wait:
        """Make the moment come; return what waits for it."""
        if self.line:
            return lambda process: process.wait_for(self.line)
        hang = HANG_SECONDS
        fault = astro.faults.add(self.method, self.path, status=None, hang_seconds=hang)

        def wait(_process: Process) -> None:
            deadline = time.monotonic() + SECONDS
            while not fault.hits:
                assert time.monotonic() < deadline
                time.sleep(0.002)

        return wait


UNTOUCHED = "the Deployment is as it was"
MOMENTS = {
    "looking": Moment(method="GET", path="/deployments$", says=UNTOUCHED),
    "reading the history": Moment(method="GET", path="/deploys$", says=UNTOUCHED),
    "planned": Moment(line="Plan: ", says=UNTOUCHED),
    "bundled": Moment(line="DAG bundle: ", says=UNTOUCHED),
    "creating": Moment(method="POST", path="/deploys$", says=UNTOUCHED),
    "created": Moment(line="created deploy", says=UNTOUCHED),
    "uploading": Moment(method="PUT", path="/blobs/", says="was left unfinished, and the Dep"),
    "uploaded": Moment(line="uploaded the DAG bundle", says="deploy "),
    "finalizing": Moment(method="POST", path="/finalize$", says="may go live"),
    "finalized": Moment(line="finalized deploy", says="goes live"),
    "waiting": Moment(method="GET", path="/deploys/", says="goes live"),
}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_a_signal_at_any_moment(job: Job, moment: Moment, number: signal.Signals) -> None:
    job.deploy()
    job.project.write({"dags/a.py": "a = 2\n", "dags/new.py": "new = 1\n"})
    job.project.commit()
    before, checkout = job.running_dags(), job.checkout()
    wait = moment.arrange(job.astro)
    process = job.start("deploy", "--type", "dags", "--json")
    wait(process)
    process.signal(number)
    run = job.finish(process, was_killed=number == signal.SIGKILL)

    assert job.checkout() == checkout
    _wait_until_quiet(job.astro)
    assert job.running_dags() in (before, job.checked_out_dags())
    if number == signal.SIGKILL:
        assert run.code == -signal.SIGKILL
    elif run.code:  # it may be too late
        assert run.code == 128 + number
        error = run.document["error"]
        assert f"cancelled by {number.name}" in error["message"]
        assert moment.says in error["message"]
        assert run.document["outcome"] == "failed"

    # Whatever it was, the next deploy sets it right.
    assert job.deploy().outcome == "deployed"
    job.assert_runs_the_checkout()
    assert job.checkout() == checkout


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_signal_at_random_moments(job: Job, number: signal.Signals) -> None:
    began = time.monotonic()
    assert job.command("deploy", "--type", "dags").code == 0
    whole = time.monotonic() - began
    dice = random.Random(f"{number}")  # noqa: S311 - no secret
    for attempt in range(10):
        job.project.write({"dags/a.py": f"a = {attempt} + 2\n"})
        job.project.commit()
        before, checkout = job.running_dags(), job.checkout()
        process = job.start("deploy", "--type", "dags")
        time.sleep(dice.uniform(0, whole))
        process.signal(number)
        job.finish(process, was_killed=True)
        assert job.checkout() == checkout
        _wait_until_quiet(job.astro)
        assert job.running_dags() in (before, job.checked_out_dags())
    assert job.deploy().outcome == "deployed"
    job.assert_runs_the_checkout()


def _wait_until_quiet(astro: Sandbox) -> None:
    """Wait until requests that were under way are dealt with."""
    time.sleep(HANG_SECONDS / 4)
