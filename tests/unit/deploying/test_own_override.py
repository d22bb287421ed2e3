"""How often a run overrides the hibernation of its Deployment."""

from __future__ import annotations

import io

import pytest

from astro_ci.ci import dialect_for
from astro_ci.configuration.config import Config
from astro_ci.deploying.own_override import MOST_TIMES, OwnOverride
from astro_ci.deploying.tools import Tools
from astro_ci.reporting.console import Console
from tests.unit.deploying.test_override import seen


@pytest.mark.parametrize(
    ("times", "expected"), [(0, True), (MOST_TIMES - 1, True), (MOST_TIMES, False)]
)
def test_a_deployment_that_falls_asleep_each_time_is_given_up(times: int, expected: bool) -> None:
    out = io.StringIO()
    console = Console(out, dialect_for("none", env={}, out=out), is_live=False)
    own = OwnOverride(config=Config(), tools=Tools(), console=console, times=times)
    assert own.may_set(seen(None)) is expected
