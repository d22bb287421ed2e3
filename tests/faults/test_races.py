"""Several jobs on one Deployment: when all end green, the newest commit runs."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from astro_ci.model import Deploy, Request
from astro_ci.sandbox import Sandbox
from tests.faults.size import CHUNK_TIMEOUT, IN_CHUNKS, SEED, dice, share
from tests.faults.world import FILES, NAME
from tests.integration.lanes import Done, Lane, Yard
from tests.replay.oracle import read_tar

RACES = 2
PAUSE_SECONDS = 0.3
"""What a job sleeps at the most."""
_REDS = (
    "with an older commit",
    "other deploys went live during this one",
)


@dataclass(frozen=True, kw_only=True)
class Racer:
    """A job, what it asks for, and when it starts."""

    lane: Lane
    requested: Request
    wait: bool
    delay: float


@pytest.mark.timeout(CHUNK_TIMEOUT)
@IN_CHUNKS
def test_races(tmp_path: Path, chunk: int) -> None:
    chances = dice("races", chunk)
    for number in range(share(RACES)):
        try:
            race(tmp_path / str(number), chances)
        except AssertionError as error:
            error.add_note(f"seed {SEED}, chunk {chunk}, race {number}")
            raise


def race(directory: Path, chances: random.Random) -> None:
    """Have two to eight jobs deploy one commit after the other, at about the same time."""
    directory.mkdir()
    with Sandbox(directory / "astro", rollout_seconds=chances.choice([0, 0.2, 1])) as astro:
        yard = Yard.create(directory, astro, FILES)
        assert yard.lane(yard.origin.head).deploy().code == 0
        racers = [racer(yard, number, chances) for number in range(chances.randint(2, 8))]
        chances.shuffle(racers)
        delay_some_requests(astro, chances)
        ends = []
        for one in racers:
            time.sleep(one.delay)
            ends.append(one.lane.start(requested=one.requested, wait=one.wait))
        done = [end() for end in ends]
        astro.faults.clear()
        report = "\n---\n".join(job.text for job in done)
        judge(yard, done, report)


def racer(yard: Yard, number: int, chances: random.Random) -> Racer:
    """Commit a change, and check it out."""
    files = {"dags/a.py": f"a = {number + 1}\n"}
    if chances.random() < 0.3:
        files["include/q.sql"] = f"{number + 1}\n"
    lane = yard.lane(yard.commit(files), *chances.choice([(), ("--depth=1",)]))
    lane.sleep = lambda seconds: time.sleep(min(seconds, PAUSE_SECONDS))
    return Racer(
        lane=lane,
        requested=chances.choices([Request.AUTO, Request.IMAGE_AND_DAGS], [4, 1])[0],
        wait=chances.random() < 0.8,
        delay=chances.choice([0, 0, chances.uniform(0, 0.5)]),
    )


def delay_some_requests(astro: Sandbox, chances: random.Random) -> None:
    """Keep some requests on their way."""
    steps = [
        ("POST", "/finalize$"),
        ("POST", "/deploys$"),
        ("PUT", "^/blobs/"),
        ("GET", "/deploys"),
    ]
    for method, path in chances.choices(steps, [5, 1, 1, 1], k=chances.randint(1, 6)):
        astro.faults.add(
            method,
            path,
            status=None,
            hang_seconds=chances.uniform(0, 2),
            times=chances.randint(1, 3),
        )


def judge(yard: Yard, done: Sequence[Done], report: str) -> None:
    """Compare what the jobs said with what runs."""
    deploys = {deploy.id: deploy for deploy in yard.astro.deploys(NAME)}
    for job in done:
        check_job(job, deploys)
    if any(job.code for job in done):
        return
    newest = {
        name: (yard.origin.root / name).read_bytes() for name in ("dags/a.py", "include/q.sql")
    }
    assert read_tar(yard.astro.bundle(NAME))["dags/a.py"].content == newest["dags/a.py"], report
    layer = read_tar(yard.astro.image_layers(NAME)[-1])
    assert layer["include/q.sql"].content == newest["include/q.sql"], report


def check_job(job: Done, deploys: dict[str, Deploy]) -> None:
    """Each job's outcome is that of its deploy, and who ends red says why."""
    if job.error:
        assert job.code == 7, job.text
        assert any(red in job.error.message for red in _REDS), job.text
        assert re.search("wait for each other", job.error.hint)
        return
    assert job.result
    if job.result.outcome == "deployed":
        assert deploys[job.result.deploy_id].status == "DEPLOYED", job.text
    else:
        assert re.search("newer commit is already running|already runs", job.text), job.text
        if job.result.deploy_id:
            assert deploys[job.result.deploy_id].status == "INITIALIZED", job.text
    if job.result.replaced_by:
        assert deploys[job.result.replaced_by].status == "DEPLOYED", job.text
