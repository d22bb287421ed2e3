"""Hibernation is read from whatever Astro shows of a Deployment."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from astro_ci.astro.hibernation import Hibernation, Override, SleepingDeployment, override_body


def read(**shown: Any) -> Hibernation:
    body = msgspec.json.encode({"status": "HEALTHY", "isDevelopmentMode": True, **shown})
    return msgspec.json.decode(body, type=SleepingDeployment).hibernation


def override(**shown: Any) -> Override | None:
    return read(scalingSpec={"hibernationSpec": {"override": shown}}).override


@pytest.mark.parametrize(
    ("shown", "sleeps"),
    [
        ({}, False),
        ({"status": "HIBERNATING"}, True),
        ({"scalingStatus": {"hibernationStatus": {"isHibernating": True}}}, True),
        ({"scalingStatus": {"hibernationStatus": {"isHibernating": False}}}, False),
        ({"scalingStatus": {"hibernationStatus": None}, "scalingSpec": None}, False),
        ({"scalingStatus": None, "scalingSpec": {"hibernationSpec": None}}, False),
        ({"scalingStatus": {}, "scalingSpec": {"hibernationSpec": {"override": None}}}, False),
    ],
)
def test_it_sleeps(shown: dict[str, Any], sleeps: bool) -> None:
    found = read(**shown)
    assert found.is_hibernating is sleeps
    assert found.override is None


def test_a_deployment_of_another_kind() -> None:
    assert read(isDevelopmentMode=None).is_development_mode is False


def test_only_an_active_override_counts() -> None:
    assert override(isActive=False, isHibernating=True) is None
    assert override(isHibernating=True) is None
    found = override(isActive=True, isHibernating=True, overrideUntil="2031-01-02T03:04:05Z")
    assert found == Override(
        is_active=True, is_hibernating=True, override_until="2031-01-02T03:04:05Z"
    )
    assert found is not None
    assert override_body(found) == {
        "isHibernating": True,
        "overrideUntil": "2031-01-02T03:04:05Z",
    }


def test_an_override_without_an_end_is_sent_without_one() -> None:
    assert override_body(Override(is_hibernating=False)) == {"isHibernating": False}
    assert override_body(Override(override_until="")) == {"isHibernating": None}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T00:01:00.123456789Z", 60.123456),
        ("1970-01-01T01:01:00+01:00", 60.0),
        ("1970-01-01T00:01:00", 60.0),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_when_it_ends(text: str | None, moment: float | None) -> None:
    found = Override(override_until=text)
    assert found.ends_at == moment
    assert found.is_past(61.0) is (moment is not None)
    assert not found.is_past(59.0)
