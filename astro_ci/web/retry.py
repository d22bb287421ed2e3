"""Repeat a request with jitter, and after the time that the service asks for; poll a state."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from astro_ci.errors import UnavailableError

if TYPE_CHECKING:  # loaded when a request has to be repeated
    from tenacity import RetryCallState

T = TypeVar("T")

log = logging.getLogger(__name__)

ATTEMPTS = 5
MAX_WAIT_SECONDS = 30.0
MAX_ASKED_SECONDS = 300.0
"""A longer Retry-After ends the retries."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS, GROWTH = 1.0, 10.0, 1.5
"""The pauses between two polls."""
_DICE = random.Random()  # noqa: S311 - jitter, no secret; leaves the program's own dice alone


def is_worth_repeating(status: int) -> bool:
    """Whether another attempt may succeed. Proxies use their own statuses above 500."""
    return status in (408, 429) or status >= 500


def is_unavailable(error: BaseException) -> bool:
    """Whether an idempotent request should be repeated."""
    return isinstance(error, UnavailableError) and may_come_again(error)


def never_arrived(error: BaseException) -> bool:
    """Whether a request with an effect can be repeated: only if no connection was made.

    No response, not even 429, proves that the request had no effect.
    """
    return isinstance(error, UnavailableError) and error.never_arrived and may_come_again(error)


def was_not_served(error: BaseException) -> bool:
    """Whether to repeat a request that did not arrive, or that came too often (429)."""
    if not isinstance(error, UnavailableError):
        return False
    return may_come_again(error) and (error.never_arrived or error.status == 429)


def may_come_again(error: BaseException) -> bool:
    """Whether the service asked for no wait, or for a wait within the limit."""
    asked: float | None = getattr(error, "retry_after_seconds", None)
    return (asked or 0.0) <= MAX_ASKED_SECONDS


class Repeating:
    """Calls a function until it works, `repeat` returns False, or the attempts are used up."""

    def __init__(
        self,
        repeat: Callable[[BaseException], bool],
        *,
        attempts: int,
        sleep: Callable[[float], None],
    ) -> None:
        self._repeat = repeat
        self._attempts = attempts
        self._sleep = sleep

    def __call__(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call the function and return its result; raises the error of the last attempt."""
        failed: list[Exception] = []
        try:
            return function(*arguments, **named)
        except Exception as error:
            if not self._repeat(error):
                raise
            failed.append(error)

        def attempt() -> T:
            if failed:  # the first attempt, made before tenacity, which is slow to load, was loaded
                raise failed.pop()
            return function(*arguments, **named)

        return self._all(attempt)

    def _all(self, attempt: Callable[[], T]) -> T:
        from tenacity import Retrying, retry_if_exception, stop_after_attempt

        retrying = Retrying(
            stop=stop_after_attempt(self._attempts),
            retry=retry_if_exception(self._repeat),
            wait=_wait_seconds,
            sleep=self._sleep,
            before_sleep=_log_repeat,
            reraise=True,
        )
        return retrying(attempt)


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the service's Retry-After in seconds. The header may be a date."""
    asked = headers.get("Retry-After", "")
    try:
        seconds = float(asked)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(asked).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def pause_seconds(error: BaseException | None, attempt: int) -> float:
    """Return the wait after an attempt (from 1): as the service asks, else longer each time."""
    asked: float | None = getattr(error, "retry_after_seconds", None)
    if asked is not None:
        return asked
    cap = min(2.0**attempt, MAX_WAIT_SECONDS)
    return _DICE.uniform(cap / 2, cap)


def pauses(total: float = math.inf) -> Iterator[float]:
    """Yield increasing pauses between two polls, in seconds; their sum is `total`."""
    pause = FIRST_PAUSE_SECONDS
    while total > 0:
        yield min(pause, total)
        total -= pause
        pause = min(pause * GROWTH, MAX_PAUSE_SECONDS)


def poll(
    look: Callable[[float], str],
    *,
    seconds: float,
    sleep: Callable[[float], None],
    now: Callable[[], float],
    on_change: Callable[[str], None],
) -> str:
    """Look until nothing is left to wait for; return the last state when the time is up, else "".

    `look` gets the seconds that it may take, and returns the state that it waits on, or "" when it
    waits no longer. While the service is unavailable, the poll goes on. `on_change` gets each new
    state. Other errors of `look` end the poll.
    """
    deadline, said = now() + seconds, ""
    for pause in pauses():
        try:
            state = look(max(deadline - now(), FIRST_PAUSE_SECONDS))
        except UnavailableError as error:
            state = f"Astro does not answer: {error}"
        if state not in ("", said):
            on_change(state)
            said = state
        left = deadline - now()
        if not state or left <= 0:
            return state
        sleep(min(pause, left))
    raise AssertionError("the pauses never end")


def _wait_seconds(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    return pause_seconds(error, state.attempt_number)


def _log_repeat(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("%s; trying again (attempt %d)", error, state.attempt_number + 1)
