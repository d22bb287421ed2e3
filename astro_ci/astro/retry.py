"""How to repeat a request: with jitter, and no sooner than the service asks for."""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable, Mapping

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from astro_ci.errors import UnavailableError

log = logging.getLogger(__name__)

ATTEMPTS = 5
MAX_WAIT_SECONDS = 30.0
_DICE = random.Random()  # noqa: S311 - jitter, no secret; leaves the program's own dice alone
WORTH_REPEATING = frozenset({408, 429, 500, 502, 503, 504})
"""The statuses that may well be gone the next time."""


def is_unavailable(error: BaseException) -> bool:
    """Whether a request that is safe twice should be repeated."""
    return isinstance(error, UnavailableError)


def had_no_effect(error: BaseException) -> bool:
    """Whether even a request that is not safe twice can be repeated."""
    return isinstance(error, UnavailableError) and (error.never_arrived or error.status == 429)


def repeating(
    repeat: Callable[[BaseException], bool],
    *,
    attempts: int,
    sleep: Callable[[float], None],
) -> Retrying:
    """Call something until it works, `repeat` says no, or the attempts are used up."""
    return Retrying(
        stop=stop_after_attempt(attempts),
        retry=retry_if_exception(repeat),
        wait=_wait_seconds,
        sleep=sleep,
        before_sleep=_log_repeat,
        reraise=True,
    )


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """How long the service wants to be left alone, in seconds."""
    with contextlib.suppress(ValueError):
        return max(float(headers.get("Retry-After", "")), 0.0)
    return None


def _wait_seconds(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, UnavailableError) and error.retry_after_seconds is not None:
        return min(error.retry_after_seconds, MAX_WAIT_SECONDS)
    cap = min(2.0**state.attempt_number, MAX_WAIT_SECONDS)
    return _DICE.uniform(cap / 2, cap)


def _log_repeat(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("%s; trying again (attempt %d)", error, state.attempt_number + 1)
