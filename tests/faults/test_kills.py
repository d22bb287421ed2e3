"""Jobs that a signal ends at a random moment: all or nothing, said as it is, and nothing left.

The rules, once the job handles signals, before which it has done nothing at all:

- SIGKILL: what runs is the old or the new, and the next deploy sets it right.
- One SIGTERM or SIGINT: exit 143 or 130, a message, a document, no temporary file.
- A second one: the job ends at once, and still says what is known of its deploy.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.oracle import check_sentences
from tests.faults.size import CHUNK_TIMEOUT, IN_CHUNKS, SEED, dice, share
from tests.faults.world import NAME, World
from tests.size import IS_MEASURED

KILLS = 20
SECOND_SECONDS = 20.0
"""A second signal ends the job within this time, on the busiest machine; else within two."""
SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Killing:
    """Which signals a job gets, each so long after what came before."""

    signals: tuple[signal.Signals, ...]
    delays: tuple[float, ...]

    @classmethod
    def choose(cls, chances: random.Random, longest: float) -> Killing:
        """Pick one by chance; a job takes `longest` when nobody ends it."""
        first, second = (chances.choice([signal.SIGTERM, signal.SIGINT]) for _ in range(2))
        signals = chances.choice([(signal.SIGKILL,), (first,), (first,), (first, second)])
        delays = (chances.uniform(0, longest * 1.1), chances.uniform(0, 0.3))
        return cls(signals=signals, delays=delays[: len(signals)])


@dataclass(frozen=True, kw_only=True)
class End:
    """How the job ended, and how long after the last signal."""

    is_early: bool
    """The first signal came before the job handled any: Python itself was still starting."""
    code: int
    out: str
    err: str
    seconds: float


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.skipif(IS_MEASURED, reason="a signal while coverage is loaded is ignored by Python")
@pytest.mark.timeout(CHUNK_TIMEOUT)
@IN_CHUNKS
def test_kills(tmp_path: Path, chunk: int) -> None:
    with World.open(tmp_path, dice("kills", chunk)) as world:
        assert world.lane.deploy().code == 0
        longest = time_of_a_job(world)
        for number in range(share(KILLS)):
            killing = Killing.choose(world.dice, longest)
            try:
                kill_once(world, killing)
            except AssertionError as error:
                error.add_note(f"seed {SEED}, chunk {chunk}, kill {number}, {killing}")
                raise


def time_of_a_job(world: World) -> float:
    """How long an undisturbed job takes on this machine."""
    began = time.monotonic()
    change_dags(world)
    end = run(world, Killing(signals=(), delays=()))
    assert end.code == 0, end.err
    return time.monotonic() - began


def change_dags(world: World) -> None:
    """Have something new to deploy."""
    world.changes += 1
    world.lane.project.write({"dags/a.py": f"a = {world.changes}\n"})
    if world.dice.random() < 0.7:
        world.lane.project.commit(f"change {world.changes}")


def run(world: World, killing: Killing) -> End:
    """Run `deploy --json` as a CI system does, and send the signals."""
    env = {
        **os.environ,
        "ASTRO_API_URL": world.astro.api_url,
        "ASTRO_API_TOKEN": world.astro.token,
        "ASTRO_CI_DEPLOYMENT_NAME": NAME,
        "TMPDIR": str(world.tmp),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "astro_ci", "deploy", "--json", "--type", "dags"],
        cwd=world.lane.project.root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    is_early = False
    for number, delay in zip(killing.signals, killing.delays, strict=True):
        time.sleep(delay)
        is_early = is_early or (number == killing.signals[0] and not handles_signals(process.pid))
        process.send_signal(number)
    sent = time.monotonic()
    out, err = process.communicate(timeout=SECONDS)
    seconds = time.monotonic() - sent
    return End(
        is_early=is_early,
        code=process.returncode,
        out=os.fsdecode(out),
        err=os.fsdecode(err),
        seconds=seconds,
    )


def handles_signals(pid: int) -> bool:
    """Whether a process catches SIGTERM, or ignores it as it does at its very end.

    Python catches SIGINT by itself. Source: proc(5), SigCgt and SigIgn.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it is over
        return True
    if re.search(r"^State:\t[ZX]", status, re.MULTILINE):
        return True
    masks = re.findall(r"^Sig(?:Cgt|Ign):\t(\w+)$", status, re.MULTILINE)
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)


def kill_once(world: World, killing: Killing) -> None:
    """End a job early, and judge what it left."""
    change_dags(world)
    before, old, checkout = world.runs(), world.running_dags(), world.checkout()
    new, _ = world.ships()
    asked = len(world.astro.requests)
    end = run(world, killing)
    said = f"{end.code}\n{end.out}\n{end.err}"
    assert world.checkout() == checkout
    assert world.running_dags() in (old, new), said
    if end.is_early:
        assert len(world.astro.requests) == asked, said
        assert list(world.tmp.iterdir()) == [], said
        return
    assert "Traceback" not in end.err, said
    check_sentences(world, end.err, before, world.runs())
    if end.code == 0:
        assert json.loads(end.out)["outcome"] == "deployed"
        assert world.running_dags() == new, said
    elif killing.signals[0] == signal.SIGKILL:
        assert end.code == -signal.SIGKILL, said
        clear(world)
    else:
        check_cancelled(world, killing, end, said)
    if world.dice.random() < 0.2:
        done = world.lane.deploy()
        assert done.code == 0, done.text
        assert world.running_dags() == new


def check_cancelled(world: World, killing: Killing, end: End, said: str) -> None:
    """The job said that it was cancelled, and what of its deploy."""
    assert end.code in {128 + number for number in killing.signals}, said
    assert "cancelled by SIG" in end.err, said
    if len(killing.signals) > 1:
        assert end.seconds < SECOND_SECONDS, said
        clear(world)
        return
    document = json.loads(end.out)
    assert document["outcome"] == "failed", said
    assert document["error"]["exit_code"] == end.code, said
    assert "outcome: failed" in end.err, said
    assert list(world.tmp.iterdir()) == [], said


def clear(world: World) -> None:
    """Remove what a job that had no time left behind; a git that it started may still write."""
    for _ in range(100):
        if subprocess.run(["rm", "-rf", *world.tmp.iterdir()], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(list(world.tmp.iterdir()))
