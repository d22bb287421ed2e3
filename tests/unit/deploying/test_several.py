"""Several Deployments in turn: a failure stops no other, a cancellation stops all that follow."""

from __future__ import annotations

import errno

import pytest

from astro_ci.configuration.choice import Target
from astro_ci.configuration.config import Config
from astro_ci.deploying.several import run_each
from astro_ci.errors import AstroCIError, CancelledError, CommandError, ProjectError
from astro_ci.reporting.target_result import TargetResult


def targets(*names: str) -> list[Target]:
    return [Target(config=Config(), settings={}, entry=name) for name in names]


class Run:
    """Acts on targets: raises the error that a test gives for a name, and notes what was told."""

    def __init__(self, **errors: BaseException) -> None:
        self.errors = errors
        self.acted: list[str] = []
        self.told: list[tuple[str, str]] = []

    def act(self, result: TargetResult) -> None:
        self.acted.append(result.target.entry)
        if error := self.errors.get(result.target.entry):
            raise error

    def explain(self, error: AstroCIError, *, label: str) -> None:
        self.told.append((label, error.message))

    def of(self, *names: str) -> list[TargetResult]:
        return run_each(targets(*names), self.act, self.explain)


def test_each_is_acted_on_in_turn() -> None:
    run = Run()
    results = run.of("dev", "prod")
    assert run.acted == ["dev", "prod"]
    assert [(one.target.entry, one.error) for one in results] == [("dev", None), ("prod", None)]
    assert run.told == []
    assert run.of() == []


def test_a_failure_is_told_and_stops_no_other() -> None:
    refused = ProjectError("no Dockerfile")
    run = Run(dev=refused)
    results = run.of("dev", "prod")
    assert run.acted == ["dev", "prod"]
    assert [one.error for one in results] == [refused, None]
    assert run.told == [("dev", "no Dockerfile")]


def test_the_failure_of_the_only_one_is_the_runs_own() -> None:
    """Who called says it, at the end."""
    run = Run(dev=ProjectError("no Dockerfile"))
    (result,) = run.of("dev")
    assert isinstance(result.error, ProjectError)
    assert run.told == []


def test_a_full_disk_is_a_failure_like_others() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
    results = Run(dev=full).of("dev", "prod")
    assert isinstance(results[0].error, CommandError)
    assert results[0].error.message == "/tmp/x could not be written: No space left on device"
    assert results[1].error is None


def test_a_bug_ends_the_run() -> None:
    for bug in (PermissionError(errno.EACCES, "Permission denied"), ValueError("a bug")):
        run = Run(dev=bug)
        with pytest.raises(type(bug)) as caught:
            run.of("dev", "prod")
        assert caught.value is bug
        assert run.acted == ["dev"]


@pytest.mark.parametrize("number", [2, 15])
def test_after_a_cancellation_nothing_more_is_attempted(number: int) -> None:
    stopped = CancelledError("the run was cancelled", signal_number=number)
    run = Run(dev=ProjectError("no"), test=stopped)
    results = run.of("dev", "test", "stage", "prod")
    assert run.acted == ["dev", "test"]
    assert results[1].error is stopped
    for left in results[2:]:
        assert isinstance(left.error, CancelledError)
        assert left.error.exit_code == 128 + number
        assert left.error.message == (
            "not attempted: the run was cancelled; the Deployment is unchanged"
        )
    assert [label for label, _ in run.told] == ["dev", "test", "stage", "prod"]
