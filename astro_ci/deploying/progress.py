"""Track the progress of a deploy, and describe the progress when the run ends early."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from signal import SIGINT, Signals
from typing import Literal

from msgspec import Struct

from astro_ci.errors import (
    RUN_AGAIN_HINT,
    AstroCIError,
    CancelledError,
    DeployFailedError,
    DeployTimeoutError,
)

Phase = Literal["planned", "opening", "open", "finalizing", "refused", "finalized", "replaced"]

AS_IT_WAS = "the Deployment is unchanged"
_STATES: Mapping[Phase, str] = {
    "planned": f"no deploy was created, and {AS_IT_WAS}",
    "opening": f"no deploy was created, or one that stays unfinished, and {AS_IT_WAS}",
    "open": f"deploy {{}} was left unfinished, and {AS_IT_WAS}",
    "finalizing": "deploy {} was being finalized, and may go live",
    "refused": (
        "finalizing deploy {} was refused, which normally has no effect, but whether it goes live "
        "could not be read"
    ),
    "finalized": "deploy {} was already finalized, and goes live",
    "replaced": "deploy {} was replaced by an older commit, which is running",
}
_SELF_EXPLANATORY = (DeployFailedError, DeployTimeoutError)
"""Errors whose messages already describe the state of a finalized deploy."""
_WITHOUT_EFFECT: Mapping[Phase, Phase] = {"opening": "planned", "finalizing": "open"}
"""The phase to report after a request that certainly had no effect."""


class Progress(Struct, kw_only=True):
    """The progress of one attempt. `earlier` says how the previous attempt ended."""

    phase: Phase = "planned"
    deploy_id: str = ""
    earlier: str = ""

    def __str__(self) -> str:
        if self.earlier and self.phase in ("planned", "opening"):
            return self.earlier
        return _STATES[self.phase].format(self.deploy_id)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Add to the error of a signal or failure how far the deploy came."""
        try:
            yield
        except KeyboardInterrupt as stop:
            raise cancelled(signal_of(stop), str(self)) from None
        except AstroCIError as error:
            if error.had_no_effect:
                self.phase = _WITHOUT_EFFECT.get(self.phase, self.phase)
            elif error.was_refused and self.phase == "finalizing":
                self.phase = "refused"
            is_final = self.phase in ("finalizing", "finalized", "replaced")
            is_told = is_final and isinstance(error, _SELF_EXPLANATORY)
            has_news = self.phase != "planned" or self.earlier
            if has_news and not is_told and not isinstance(error, CancelledError):
                error.message = f"{error.message}; {self}"
            raise


def signal_of(stop: KeyboardInterrupt) -> int:
    """Return the signal that stopped the run, from the exception of the signal handlers."""
    return int(getattr(stop, "signal_number", SIGINT))


def cancelled(number: int, state: str) -> CancelledError:
    """Make the error of a run that a signal ended."""
    return CancelledError(
        f"cancelled by {Signals(number).name}; {state}", hint=RUN_AGAIN_HINT, signal_number=number
    )
