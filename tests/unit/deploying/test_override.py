"""An override is set or removed once, whatever becomes of the answers."""

from __future__ import annotations

from typing import Any, cast

import pytest

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Hibernation, Override
from astro_ci.deploying.override import ATTEMPTS, ChangedOverrideError, change_override
from astro_ci.errors import ApiError, AuthenticationError, NotFoundError, UnavailableError
from tests.unit.deploying.test_requests import LOGIN, PAGE, REFUSED, Client, Naps, down

OURS = Override(is_hibernating=False, override_until="2031-01-02T12:50:00Z", is_active=True)
BEFORE = Override(is_hibernating=True, is_active=True)
OTHER = Override(is_hibernating=False, is_active=True)
SET, REMOVE = "override_hibernation", "end_hibernation_override"


def seen(override: Override | None) -> Hibernation:
    return Hibernation(
        status="HIBERNATING",
        status_reason="",
        is_development_mode=True,
        is_hibernating=True,
        override=override,
    )


def change(client: Client, wanted: Override | None = OURS, **options: Any) -> Naps:
    naps = Naps()
    change_override(cast(AstroClient, client), "cl1", wanted, before=BEFORE, sleep=naps, **options)
    return naps


def test_once() -> None:
    client = Client(**{SET: [None]})
    change(client)
    assert client.calls == [(SET, "cl1", OURS)]


def test_remove_once() -> None:
    client = Client(**{REMOVE: [None]})
    change(client, None)
    assert client.calls == [(REMOVE, "cl1")]


@pytest.mark.parametrize("lost", [down(), PAGE, LOGIN, NotFoundError("x", status=404)])
def test_what_was_done_is_not_done_again(lost: Exception) -> None:
    client = Client(**{SET: [lost]}, get_hibernation=[seen(OURS)])
    change(client)
    assert len(client.asked(SET)) == 1


def test_what_is_removed_already_is_removed() -> None:
    gone = NotFoundError("no override", status=404, is_clear=True)
    client = Client(**{REMOVE: [gone]}, get_hibernation=[seen(None)])
    change(client, None)
    assert len(client.asked(REMOVE)) == 1


def test_what_was_not_done_is_done_again() -> None:
    client = Client(**{SET: [down(after=7.0), None]}, get_hibernation=[seen(BEFORE)])
    assert change(client) == [7.0]
    assert len(client.asked(SET)) == 2


def test_what_somebody_else_set_is_left_alone() -> None:
    client = Client(**{SET: [down()]}, get_hibernation=[seen(OTHER)])
    with pytest.raises(ChangedOverrideError, match="awake, without an end"):
        change(client)
    assert len(client.asked(SET)) == 1


def test_a_clear_refusal_had_no_effect() -> None:
    client = Client(**{SET: [REFUSED]})
    with pytest.raises(ApiError) as caught:
        change(client)
    assert caught.value is REFUSED
    assert caught.value.had_no_effect is True


@pytest.mark.parametrize("refusal", [PAGE, LOGIN])
def test_another_refusal_is_final_after_a_look(refusal: Exception) -> None:
    client = Client(**{SET: [refusal]}, get_hibernation=[seen(BEFORE)])
    with pytest.raises((ApiError, AuthenticationError)) as caught:
        change(client)
    assert caught.value is refusal
    assert caught.value.had_no_effect is False


def test_patience_ends() -> None:
    client = Client(**{SET: [down()] * ATTEMPTS}, get_hibernation=[seen(BEFORE)] * ATTEMPTS)
    with pytest.raises(UnavailableError):
        change(client)
    assert len(client.asked(SET)) == ATTEMPTS


def test_a_cancelled_run_has_no_patience() -> None:
    client = Client(**{SET: [down()]}, get_hibernation=[seen(BEFORE)])
    with pytest.raises(UnavailableError):
        change(client, attempts=1)


def test_a_wait_that_is_too_long_is_not_waited() -> None:
    client = Client(**{SET: [down(after=3600.0)]}, get_hibernation=[seen(BEFORE)])
    with pytest.raises(UnavailableError):
        change(client)


def test_what_cannot_be_read_back_says_so() -> None:
    client = Client(**{SET: [down()]}, get_hibernation=[LOGIN])
    with pytest.raises(UnavailableError) as caught:
        change(client)
    assert str(caught.value) == (
        "no answer; the hibernation could not be read back either: who are you"
    )
