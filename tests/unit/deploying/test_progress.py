"""How far a deploy came, as the end of the sentence that a run ends early with."""

from __future__ import annotations

from signal import SIGINT, SIGTERM

import pytest

from astro_ci.deploying.progress import Phase, Progress, cancelled, signal_of
from astro_ci.errors import (
    RUN_AGAIN_HINT,
    AstroCIError,
    CancelledError,
    DeployFailedError,
    DeployTimeoutError,
)

AS_IT_WAS = "the Deployment is unchanged"
STATES: dict[Phase, str] = {
    "planned": f"no deploy was created, and {AS_IT_WAS}",
    "opening": f"no deploy was created, or one that stays unfinished, and {AS_IT_WAS}",
    "open": f"deploy d1 was left unfinished, and {AS_IT_WAS}",
    "finalizing": "deploy d1 was being finalized, and may go live",
    "refused": (
        "finalizing deploy d1 was refused, which normally has no effect, but whether it goes live "
        "could not be read"
    ),
    "finalized": "deploy d1 was already finalized, and goes live",
    "replaced": "deploy d1 was replaced by an older commit, which is running",
}
EACH = pytest.mark.parametrize("phase", STATES)


@EACH
def test_what_became_of_it(phase: Phase) -> None:
    assert str(Progress(phase=phase, deploy_id="d1")) == STATES[phase]


@EACH
def test_what_became_of_the_attempt_before(phase: Phase) -> None:
    """As long as this attempt has no deploy, that is what there is to say."""
    told = str(Progress(phase=phase, deploy_id="d1", earlier="an earlier one"))
    assert told == ("an earlier one" if phase in ("planned", "opening") else STATES[phase])


@EACH
def test_a_signal_says_so(phase: Phase) -> None:
    stop = KeyboardInterrupt()
    stop.signal_number = SIGTERM  # type: ignore[attr-defined]
    with pytest.raises(CancelledError) as caught, Progress(phase=phase, deploy_id="d1").told():
        raise stop
    assert caught.value.message == f"cancelled by SIGTERM; {STATES[phase]}"
    assert caught.value.hint == RUN_AGAIN_HINT
    assert caught.value.exit_code == 143
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_signal_is_an_interrupt_unless_it_says_more() -> None:
    assert signal_of(KeyboardInterrupt()) == SIGINT
    assert cancelled(SIGINT, "x").message == "cancelled by SIGINT; x"


def after(progress: Progress, error: AstroCIError) -> str:
    """The message of a failure, once it was told."""
    with pytest.raises(type(error)) as caught, progress.told():
        raise error
    assert caught.value is error
    return caught.value.message


@EACH
def test_a_failure_says_so_unless_nothing_was_begun(phase: Phase) -> None:
    told = after(Progress(phase=phase, deploy_id="d1"), AstroCIError("failed"))
    assert told == ("failed" if phase == "planned" else f"failed; {STATES[phase]}")


def test_a_failure_before_a_second_attempt_tells_of_the_first() -> None:
    assert after(Progress(earlier="the first"), AstroCIError("failed")) == "failed; the first"


@EACH
@pytest.mark.parametrize("kind", [DeployFailedError, DeployTimeoutError])
def test_what_says_itself_how_far_it_came(phase: Phase, kind: type[AstroCIError]) -> None:
    told = after(Progress(phase=phase, deploy_id="d1"), kind("failed"))
    is_told = phase in ("planned", "finalizing", "finalized", "replaced")
    assert told == ("failed" if is_told else f"failed; {STATES[phase]}")


@EACH
def test_a_run_that_was_cancelled_inside_is_told_already(phase: Phase) -> None:
    error = CancelledError("cancelled by SIGTERM; x", signal_number=SIGTERM)
    assert after(Progress(phase=phase, deploy_id="d1"), error) == "cancelled by SIGTERM; x"


@pytest.mark.parametrize(
    ("phase", "left"),
    [("opening", "planned"), ("finalizing", "open"), ("open", "open"), ("finalized", "finalized")],
)
def test_a_request_without_effect_leaves_what_was_before(phase: Phase, left: Phase) -> None:
    error = AstroCIError("refused")
    error.had_no_effect = True
    progress = Progress(phase=phase, deploy_id="d1")
    told = after(progress, error)
    assert progress.phase == left
    assert told == ("refused" if left == "planned" else f"refused; {STATES[left]}")


def test_success_says_nothing() -> None:
    progress = Progress()
    with progress.told():
        progress.phase = "finalized"
    assert progress.phase == "finalized"
