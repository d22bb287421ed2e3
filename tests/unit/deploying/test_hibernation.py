"""What becomes of a hibernation override after a deploy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from astro_ci.astro.hibernation import Override
from astro_ci.deploying.hibernation import (
    command,
    described,
    is_same,
    may_override,
    our_override,
    outlives,
    restoration,
    to_restore,
    wakes,
)

NOW = datetime(2031, 1, 2, 12, tzinfo=UTC).timestamp()


def override(asleep: bool | None, until: str | None = None) -> Override:
    return Override(is_hibernating=asleep, override_until=until, is_active=True)


OURS = override(False, "2031-01-02T12:50:00Z")
ASLEEP = override(True)
NIGHT = override(True, "2031-01-03T00:00:00Z")
PAST = override(True, "2031-01-02T11:59:59Z")
OTHER = override(False, "2031-01-02T13:00:00Z")
AT_THE_END = NOW + 3000


def test_ours_always_ends() -> None:
    assert our_override(NOW, wake_seconds=600, wait_seconds=600) == OURS
    assert our_override(NOW + 0.9, wake_seconds=600, wait_seconds=600) == OURS


@pytest.mark.parametrize(
    ("found", "earlier", "now", "kind", "wanted"),
    [
        pytest.param(OURS, None, NOW, "remove", None, id="none before"),
        pytest.param(OURS, NIGHT, NOW, "put back", NIGHT, id="one before"),
        pytest.param(OURS, ASLEEP, NOW, "put back", ASLEEP, id="one without an end before"),
        pytest.param(OURS, PAST, NOW, "remove", None, id="one before that has run out"),
        pytest.param(OURS, OTHER, NOW, "put back", OTHER, id="another that wakes"),
        pytest.param(OTHER, None, NOW, "leave", None, id="changed by somebody"),
        pytest.param(OTHER, NIGHT, NOW, "leave", None, id="changed by somebody, one before"),
        pytest.param(None, None, NOW, "nothing", None, id="ours was never set"),
        pytest.param(NIGHT, NIGHT, NOW, "nothing", None, id="ours was never set, one before"),
        pytest.param(None, NIGHT, NOW, "leave", None, id="removed by somebody"),
        pytest.param(None, None, AT_THE_END, "nothing", None, id="ours has run out"),
        pytest.param(None, NIGHT, AT_THE_END, "put back", NIGHT, id="run out, one before"),
        pytest.param(None, PAST, AT_THE_END, "nothing", None, id="both have run out"),
        pytest.param(OTHER, NIGHT, AT_THE_END, "leave", None, id="run out, and changed"),
        pytest.param(OURS, NIGHT, AT_THE_END, "put back", NIGHT, id="by another clock in effect"),
    ],
)
def test_what_was_there_before_is_restored(
    found: Override | None, earlier: Override | None, now: float, kind: str, wanted: Override | None
) -> None:
    what = restoration(OURS, found, earlier, now)
    assert (what.kind, what.wanted) == (kind, wanted)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (OURS, override(False, "2031-01-02T12:50:00.000Z"), True),
        (OURS, override(False, "2031-01-02T14:50:00+02:00"), True),
        (OURS, override(False, "2031-01-02T12:50:00"), True),
        (OURS, override(True, "2031-01-02T12:50:00Z"), False),
        (OURS, override(False, "2031-01-02T12:50:01Z"), False),
        (OURS, override(False), False),
        (OURS, override(False, "soon"), False),
        (override(False, "soon"), override(False, "soon"), True),
        (ASLEEP, override(True, ""), True),
        (ASLEEP, None, False),
        (None, None, True),
    ],
)
def test_the_same_moment_may_be_written_in_another_way(
    one: Override | None, other: Override | None, same: bool
) -> None:
    assert is_same(one, other) is same
    assert is_same(other, one) is same


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [(None, False), (ASLEEP, True), (NIGHT, True), (PAST, False), (OURS, False), (OTHER, True)],
)
def test_what_outlives_ours(earlier: Override | None, expected: bool) -> None:
    assert outlives(earlier, OURS) is expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [(None, False), (override(None), False), (ASLEEP, False), (NIGHT, False), (OURS, True)],
)
def test_what_keeps_a_deployment_awake(one: Override | None, expected: bool) -> None:
    assert wakes(one) is expected


@pytest.mark.parametrize(
    ("found", "ours", "earlier", "expected"),
    [
        pytest.param(None, None, None, True, id="the first time"),
        pytest.param(NIGHT, None, None, True, id="the first time, one before"),
        pytest.param(OTHER, None, None, False, id="another job's wakes it up"),
        pytest.param(OURS, OURS, NIGHT, False, id="ours wakes it up"),
        pytest.param(OTHER, OURS, NIGHT, False, id="another job's has replaced ours"),
        pytest.param(None, OURS, None, True, id="another job has removed ours"),
        pytest.param(None, OURS, NIGHT, True, id="ours has run out"),
        pytest.param(NIGHT, OURS, NIGHT, True, id="another job has put back the one before"),
        pytest.param(ASLEEP, OURS, NIGHT, False, id="somebody wants it to sleep"),
        pytest.param(ASLEEP, OURS, None, False, id="somebody wants it to sleep, none before"),
    ],
)
def test_when_one_of_our_own_is_set(
    found: Override | None, ours: Override | None, earlier: Override | None, expected: bool
) -> None:
    assert may_override(found, ours, earlier) is expected


@pytest.mark.parametrize(
    ("ours", "found", "earlier", "now", "expected"),
    [
        pytest.param(None, NIGHT, None, NOW, NIGHT, id="the first time"),
        pytest.param(OURS, None, NIGHT, NOW, None, id="ours was removed"),
        pytest.param(OURS, None, NIGHT, AT_THE_END, NIGHT, id="ours has run out"),
        pytest.param(OURS, ASLEEP, NIGHT, AT_THE_END, ASLEEP, id="run out, and another was set"),
    ],
)
def test_what_is_to_be_restored_when_it_is_set_again(
    ours: Override | None,
    found: Override | None,
    earlier: Override | None,
    now: float,
    expected: Override | None,
) -> None:
    assert to_restore(ours, found, earlier, now) == expected


@pytest.mark.parametrize(
    ("wanted", "words", "line"),
    [
        (None, "no override", "wake-up cl1 --remove-override"),
        (override(None), "no override", "wake-up cl1 --remove-override"),
        (ASLEEP, "hibernating, without an end", "hibernate cl1"),
        (
            NIGHT,
            "hibernating until 2031-01-03 00:00 UTC",
            "hibernate cl1 --until 2031-01-03T00:00:00Z",
        ),
        (
            OTHER,
            "awake until 2031-01-02 13:00 UTC",
            "wake-up cl1 --until 2031-01-02T13:00:00Z",
        ),
    ],
)
def test_words_and_commands(wanted: Override | None, words: str, line: str) -> None:
    assert described(wanted) == words
    assert command("cl1", wanted) == f"astro deployment {line}"


def test_a_moment_of_astro_is_safe_to_print() -> None:
    hostile = override(True, "\x1b[2J\n::error::x")
    assert described(hostile).isprintable()
    assert command("cl1", hostile).isprintable()
