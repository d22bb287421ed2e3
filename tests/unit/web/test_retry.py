"""What is repeated, how often, and after how long."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate

import pytest

from astro_ci.errors import ApiError, UnavailableError
from astro_ci.web.retry import (
    ATTEMPTS,
    MAX_ASKED_SECONDS,
    Repeating,
    asked_wait,
    is_unavailable,
    is_worth_repeating,
    may_come_again,
    never_arrived,
    pause_seconds,
    pauses,
    poll,
    was_not_served,
)


def down(*, status: int = 503, never: bool = False, after: float | None = None) -> UnavailableError:
    error = UnavailableError("no answer", status=status)
    error.never_arrived, error.retry_after_seconds = never, after
    return error


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_an_answer_that_may_be_another_the_next_time(status: int) -> None:
    assert is_worth_repeating(status)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 407, 409, 499])
def test_an_answer_that_will_not(status: int) -> None:
    assert not is_worth_repeating(status)


LONG = MAX_ASKED_SECONDS + 1
REFUSED = ApiError("no", status=429)


@pytest.mark.parametrize(
    ("error", "unavailable", "never", "unserved"),
    [
        (down(), True, False, False),
        (down(status=429), True, False, True),
        (down(never=True), True, True, True),
        (down(after=MAX_ASKED_SECONDS), True, False, False),
        (down(after=LONG, status=429), False, False, False),
        (down(after=LONG, never=True), False, False, False),
        (REFUSED, False, False, False),
        (ValueError(), False, False, False),
    ],
)
def test_who_repeats_what(error: Exception, unavailable: bool, never: bool, unserved: bool) -> None:
    assert is_unavailable(error) is unavailable
    assert never_arrived(error) is never
    assert was_not_served(error) is unserved


@pytest.mark.parametrize(
    ("error", "may"),
    [(down(), True), (down(after=0.0), True), (down(after=LONG), False), (ValueError(), True)],
)
def test_a_wait_that_is_asked_for_may_be_too_long(error: Exception, may: bool) -> None:
    assert may_come_again(error) is may


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "-3"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
def test_how_long_a_service_asks_for(asked: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(asked) == seconds


def test_it_may_be_a_date() -> None:
    later = asked_wait({"Retry-After": formatdate(time.time() + 100, usegmt=True)})
    assert later is not None
    assert 30 < later <= 101
    assert asked_wait({"Retry-After": formatdate(0, usegmt=True)}) == 0.0


@pytest.mark.parametrize(("attempt", "cap"), [(1, 2.0), (3, 8.0), (4, 16.0), (5, 30.0), (9, 30.0)])
def test_pauses_grow_with_jitter(attempt: int, cap: float) -> None:
    found = [pause_seconds(None, attempt) for _ in range(200)]
    assert all(cap / 2 <= pause <= cap for pause in found)
    assert max(found) - min(found) > cap / 4
    assert pause_seconds(down(), attempt) != pause_seconds(down(), attempt)
    assert pause_seconds(down(after=0.0), attempt) == 0.0


class Flaky:
    """Fails as often as it is told to."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), list[tuple[object, ...]]()

    def __call__(self, *arguments: object, **named: object) -> str:
        self.calls.append((*arguments, *named.items()))
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_what_works_is_called_once() -> None:
    flaky = Flaky()
    repeating = Repeating(is_unavailable, attempts=ATTEMPTS, sleep=lambda _: pytest.fail("slept"))
    assert repeating(flaky, 1, a=2) == "done"
    assert flaky.calls == [(1, ("a", 2))]


def test_what_fails_is_called_again_and_told(caplog: pytest.LogCaptureFixture) -> None:
    flaky, naps = Flaky(down(after=3.0), down(), down()), list[float]()
    repeating = Repeating(is_unavailable, attempts=ATTEMPTS, sleep=naps.append)
    assert repeating(flaky, 1, a=2) == "done"
    assert flaky.calls == [(1, ("a", 2))] * 4
    assert naps[0] == 3.0
    assert 2.0 <= naps[1] <= 4.0
    assert 4.0 <= naps[2] <= 8.0
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, f"no answer; trying again (attempt {attempt})") for attempt in (2, 3, 4)
    ]


def test_the_last_failure_is_raised() -> None:
    errors = [down(status=500 + number) for number in range(9)]
    flaky, naps = Flaky(*errors), list[float]()
    with pytest.raises(UnavailableError) as caught:
        Repeating(is_unavailable, attempts=3, sleep=naps.append)(flaky)
    assert caught.value is errors[2]
    assert (len(flaky.calls), len(naps)) == (3, 2)


@pytest.mark.parametrize("first", [True, False])
def test_what_is_not_to_be_repeated_is_raised_at_once(first: bool) -> None:
    errors = [REFUSED] if first else [down(after=0.0), REFUSED]
    flaky = Flaky(*errors)
    with pytest.raises(ApiError) as caught:
        Repeating(is_unavailable, attempts=5, sleep=lambda seconds: None)(flaky)
    assert caught.value is REFUSED
    assert len(flaky.calls) == len(errors)


def test_pauses_add_up() -> None:
    assert list(pauses(5.0)) == [1.0, 1.5, 2.25, 0.25]
    assert list(pauses(1.0)) == [1.0]
    assert list(pauses(0.5)) == [0.5]
    assert list(pauses(0.0)) == []
    assert sum(pauses(100.0)) == 100.0


class TestPoll:
    def wait(self, *answers: str | Exception, seconds: float = 60.0) -> tuple[str, list[str]]:
        self.time, self.may_take = 0.0, list[float]()
        left, said = list(answers), list[str]()

        def look(may_take: float) -> str:
            self.may_take.append(may_take)
            answer = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(answer, Exception):
                raise answer
            return answer

        def sleep(pause: float) -> None:
            self.time += pause

        state = poll(
            look, seconds=seconds, sleep=sleep, now=lambda: self.time, on_change=said.append
        )
        return state, said

    def test_ends_when_nothing_is_left_to_wait_for(self) -> None:
        assert self.wait("") == ("", [])
        assert self.time == 0.0
        assert self.wait("a", "a", "b", "") == ("", ["a", "b"])

    def test_ends_with_the_last_state_when_the_time_is_up(self) -> None:
        assert self.wait("a", "b", seconds=5.0) == ("b", ["a", "b"])
        assert self.time == 5.0
        assert self.may_take == [5.0, 4.0, 2.5, 1.0, 1.0]

    def test_an_unavailable_service_is_asked_again(self) -> None:
        silent = "Astro does not answer: no answer"
        assert self.wait(down(), "a", down(), "") == ("", [silent, "a", silent])
        assert self.wait(down(), seconds=5.0) == (silent, [silent])

    def test_another_error_ends_it(self) -> None:
        with pytest.raises(ApiError, match="no"):
            self.wait("a", ApiError("no"))
