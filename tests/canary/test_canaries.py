"""No secret is where somebody may look, whatever goes wrong, in the jobs of every CI system.

`make test` runs each trouble in one CI system, and each CI system with some; with
ASTRO_CI_TEST_EXAMPLES, as `make nightly` sets it, each trouble runs in every one.
"""

from __future__ import annotations

import itertools
import os

import pytest

from tests.canary.faults import TROUBLES, Trouble
from tests.canary.job import DIALECTS, CanaryJob
from tests.canary.secrets import found, spellings

CASES = (
    list(itertools.product(TROUBLES, DIALECTS))
    if os.environ.get("ASTRO_CI_TEST_EXAMPLES")
    else list(zip(TROUBLES, itertools.cycle(DIALECTS), strict=False))
)


@pytest.mark.parametrize(
    ("trouble", "dialect"), CASES, ids=[f"{trouble.name}-{dialect}" for trouble, dialect in CASES]
)
def test_no_secret_is_seen(job: CanaryJob, trouble: Trouble, dialect: str) -> None:
    with trouble.make(job):
        ended = job.run(dialect, *trouble.arguments)
    assert found(job.canaries, ended.texts) == []
    assert ended.code in trouble.codes, ended.err
    assert ended.texts["standard error"], "it is verbose"


class TestTheSearchItself:
    """A search that finds nothing proves nothing, unless it would find something."""

    def test_finds_each_secret_in_each_spelling(self, job: CanaryJob) -> None:
        for _kind, word in job.canaries.words():
            for spelling in spellings(word):
                assert found(job.canaries, {"a log": f"here: {spelling}"}), spelling

    def test_looks_everywhere(self, job: CanaryJob) -> None:
        places = {"standard output", "standard error", "comments", "history", "log"}
        github, gitlab = job.run("github", "plan"), job.run("gitlab", "plan")
        assert github.texts.keys() >= {*places, "output", "summary.md"}
        assert gitlab.texts.keys() >= {*places, "dotenv"}
        assert "Plan" in gitlab.texts["comments"], gitlab.err
        assert "rev-parse" in gitlab.texts["log"], "git was watched"

    def test_finds_what_a_runner_would_swallow_elsewhere(self, job: CanaryJob) -> None:
        assert found(job.canaries, {"a log": f"::add-mask::{job.canaries.token}"})
