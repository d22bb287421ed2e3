"""Signals at random moments: a run ends in good order, leaves nothing, and says what it knows.

ASTRO_CI_TEST_EXAMPLES is the number of runs for each way of being cancelled; the default is a
quick look.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sys
import time
from pathlib import Path

import pytest

from astro_ci.terminal.signals import LAST_SECONDS
from tests.integration.deploy.support import SECONDS, Held, Job, Process
from tests.integration.stage import Run

TERM, INT = signal.SIGTERM, signal.SIGINT
EXAMPLES = int(os.environ.get("ASTRO_CI_TEST_EXAMPLES") or 4)
CHANCE = random.Random(None if "ASTRO_CI_TEST_EXAMPLES" in os.environ else 9)  # noqa: S311
LONGEST = 0.9
"""Seconds, by which most runs are over."""
WAYS = {
    "TERM": (TERM,),
    "INT": (INT,),
    "GitHub": (INT, TERM),
    "impatient": (INT, INT),
    "twice": (TERM, TERM),
}
QUICK_WAYS = ("TERM", "GitHub")
AS_IT_WAS = "the Deployment is unchanged"

needs_proc = pytest.mark.skipif(
    sys.platform != "linux", reason="/proc says when a process has its handlers"
)


def wait_for_handlers(process: Process) -> None:
    """Wait until Python has come as far as our first line: until then the system ends it."""
    status = Path(f"/proc/{process.popen.pid}/status")
    deadline = time.monotonic() + SECONDS
    while process.popen.poll() is None:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
        if caught and int(caught[1], 16) >> (TERM - 1) & 1:
            return
        assert time.monotonic() < deadline
        time.sleep(0.001)


def send(process: Process, numbers: tuple[int, ...], seconds: float) -> bool:
    """Send signals at a random moment, with random pauses; whether the first was in time."""
    wait_for_handlers(process)
    time.sleep(CHANCE.uniform(0, seconds))
    is_in_time = process.popen.poll() is None
    for number in numbers:
        if process.popen.poll() is None:
            process.signal(number)
            time.sleep(CHANCE.uniform(0, 0.15))
    return is_in_time


def assert_told(run: Run, *numbers: int) -> None:
    """The run was cancelled, and says so; of signals that come at once, Python takes any first."""
    assert run.code in {128 + number for number in numbers}, run
    name = signal.Signals(run.code - 128).name
    error = run.document["error"]
    assert error["exit_code"] == run.code
    assert error["message"].startswith(f"cancelled by {name}")
    assert run.err.count("error: ") == 1


@needs_proc
@pytest.mark.parametrize(
    "numbers",
    [
        # One signal and two of a kind are among the chances of `tests/faults/test_kills.py`.
        pytest.param(numbers, id=way, marks=[] if way in QUICK_WAYS else [pytest.mark.thorough])
        for way, numbers in WAYS.items()
    ],
)
def test_a_deploy_that_is_cancelled_at_any_moment(job: Job, numbers: tuple[int, ...]) -> None:
    job.deploy()
    for count in range(EXAMPLES):
        job.project.write({"dags/a.py": f"a = {count}\n", f"dags/new_{count}.py": ""})
        before, old = job.running(), job.running_dags()
        checkout = job.checkout()
        process = job.start("deploy", "--type", "dags", "--json")
        send(process, numbers, LONGEST)
        run = job.finish(process)
        assert job.checkout() == checkout
        assert "a bug in astro_ci" not in run.err
        if run.code == 0:
            assert run.document["outcome"] == "deployed"
            job.assert_runs_the_checkout()
            continue
        assert_told(run, *numbers)
        document = run.document
        assert document["outcome"] == "failed"
        assert run.err.rstrip().endswith("outcome: failed")
        says = document["error"]["message"]
        if "goes live" in says:
            job.assert_runs_the_checkout()
        elif AS_IT_WAS in says:
            assert job.running() == before
        else:
            assert "may go live" in says
            time.sleep(0.2)  # until what is under way has arrived
            assert job.running_dags() in (old, job.checked_out_dags())
        if "deploy" in document and document["deploy_id"]:
            assert document["deploy_id"] == job.astro.deploys("production")[0].id


@needs_proc
@pytest.mark.parametrize("verb", ["plan", "doctor", "config"])
def test_what_changes_nothing_is_cancelled_at_any_moment(job: Job, verb: str) -> None:
    job.deploy()
    job.project.write({"dags/a.py": "a = 2\n"})
    for number in (TERM, INT) * max(1, EXAMPLES // 2):
        process = job.start(verb, "--json")
        send(process, (number,), LONGEST / 2)
        run = job.finish(process)
        if run.code == 128 + number:
            assert_told(run, number)
        else:
            assert run.code == 0, run.err
            assert json.loads(run.out)


@needs_proc
@pytest.mark.parametrize("number", [TERM, INT], ids=["TERM", "INT"])
@pytest.mark.parametrize("verb", ["sandbox", "demo"])
def test_what_serves_is_cancelled_at_any_moment(job: Job, verb: str, number: int) -> None:
    options = ["--port", "0", "--json"] if verb == "sandbox" else []
    for _ in range(max(1, EXAMPLES // 2)):
        process = job.start(verb, *options, env={"DOCKER_HOST": "unix:///nonexistent"})
        send(process, (number,), 2.0)
        code, _out, err = process.end()
        assert "Traceback" not in err
        assert code in (0, 128 + number), err
        assert list(job.tmp.rglob("*")) == []


@needs_proc
@pytest.mark.parametrize("number", [TERM, INT], ids=["TERM", "INT"])
@pytest.mark.parametrize("verb", ["plan", "deploy"])
def test_a_signal_before_anything_is_loaded(job: Job, verb: str, number: int) -> None:
    """Half of a small run is spent importing, in which an exception would leave half a module."""
    process = job.start(verb, "--json")
    wait_for_handlers(process)
    process.signal(number)
    run = job.finish(process)
    assert_told(run, number)
    if verb == "deploy":
        assert run.document["outcome"] == "failed"
        assert f"; no deploy was created, and {AS_IT_WAS}" in run.document["error"]["message"]
    assert job.astro.deploys("production") == []


def test_a_second_signal_says_what_is_known_and_does_not_wait(job: Job) -> None:
    """The upload hangs, and so would the run, for as long as it gives the upload to end."""
    job.deploy()
    job.project.write({"dags/a.py": "a = 2\n"})
    before = job.running()
    held = Held(job.astro, "PUT", "^/blobs/")
    process = job.start("deploy", "--type", "dags", "--json")
    held.wait()
    process.signal(TERM)
    process.signal(INT)
    run = job.finish(process)
    unfinished = job.astro.deploys("production")[0].id
    assert_told(run, TERM, INT)
    message = run.document["error"]["message"]
    assert message.endswith(f"deploy {unfinished} was left unfinished, and {AS_IT_WAS}")
    assert run.document["deploy_id"] == unfinished
    assert job.running() == before


def test_the_time_after_a_second_signal_is_under_two_seconds() -> None:
    """GitHub kills a job two and a half seconds after its second signal."""
    assert LAST_SECONDS < 2.0


def test_a_parent_that_ignores_sigint_is_obeyed(job: Job) -> None:
    """`nohup`, and a shell that runs us in the background, ignore SIGINT for us."""
    held = Held(job.astro, "PUT", "^/blobs/")
    before = signal.signal(INT, signal.SIG_IGN)
    try:
        process = job.start("deploy", "--type", "dags", "--json")
    finally:
        signal.signal(INT, before)
    held.wait()
    process.signal(INT)
    time.sleep(0.1)  # in which it could end
    assert process.popen.poll() is None
    process.signal(TERM)
    held.let_go()
    assert job.finish(process).code == 128 + TERM
