"""Replay: whatever happens to the repository and the Deployments, the plan is right.

ASTRO_CI_TEST_EXAMPLES is the number of histories for each machine; the default is a quick look.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.replay.machine import ReplayMachine

EXAMPLES = int(os.environ.get("ASTRO_CI_TEST_EXAMPLES") or 4)
STEPS = 30


class InSubdirectory(ReplayMachine):
    """A project beside others in one repository, with a library that they share."""

    project = "services/etl"
    image_paths = ("shared",)


class WithDagsElsewhere(ReplayMachine):
    """A project whose DAGs are not where they usually are."""

    dags = "src/my dags"


@pytest.mark.timeout(180 + 60 * EXAMPLES)
@pytest.mark.parametrize(
    "machine",
    [
        ReplayMachine,
        # The same rules in other layouts; `test_cases.py` and `test_two_teams.py` have some.
        pytest.param(InSubdirectory, marks=pytest.mark.thorough),
        pytest.param(WithDagsElsewhere, marks=pytest.mark.thorough),
    ],
)
def test_replay(machine: type[ReplayMachine], capsys: pytest.CaptureFixture[str]) -> None:
    machine.taken = Counter()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # The quick look is the same everywhere; more examples explore.
            derandomize="ASTRO_CI_TEST_EXAMPLES" not in os.environ,
            database=None,
        ),
    )
    assert machine.taken["steps"] > EXAMPLES
    with capsys.disabled():
        counts = ", ".join(f"{count} {what}" for what, count in sorted(machine.taken.items()))
        print(f"\n{machine.__name__}: {EXAMPLES} histories, {counts}")
