"""How to repeat a request: with jitter, and no sooner than the service asks for."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from astro_ci.errors import UnavailableError

log = logging.getLogger(__name__)

ATTEMPTS = 5
MAX_WAIT_SECONDS = 30.0
MAX_ASKED_SECONDS = 300.0
"""Who asks for more is not asked again."""
_DICE = random.Random()  # noqa: S311 - jitter, no secret; leaves the program's own dice alone


def is_worth_repeating(status: int) -> bool:
    """Whether the next answer may well be another. Proxies have numbers of their own above 500."""
    return status in (408, 429) or status >= 500


def is_unavailable(error: BaseException) -> bool:
    """Whether a request that is safe twice should be repeated."""
    return isinstance(error, UnavailableError) and _may_come_again(error)


def had_no_effect(error: BaseException) -> bool:
    """Whether even a request that is not safe twice can be repeated."""
    if not isinstance(error, UnavailableError):
        return False
    return _may_come_again(error) and (error.never_arrived or error.status == 429)


def _may_come_again(error: UnavailableError) -> bool:
    return (error.retry_after_seconds or 0.0) <= MAX_ASKED_SECONDS


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
    """How long the service wants to be left alone, in seconds. It may say so with a date."""
    asked = headers.get("Retry-After", "")
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _wait_seconds(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, UnavailableError) and error.retry_after_seconds is not None:
        return error.retry_after_seconds
    cap = min(2.0**state.attempt_number, MAX_WAIT_SECONDS)
    return _DICE.uniform(cap / 2, cap)


def _log_repeat(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("%s; trying again (attempt %d)", error, state.attempt_number + 1)
