from __future__ import annotations

import pytest

from astro_ci.moment import api_moment_text, moment_text

MOMENT = 1_800_000_007.9


def test_a_moment_is_in_utc() -> None:
    assert moment_text(MOMENT) == "2027-01-15 08:00 UTC"
    assert moment_text(MOMENT, has_seconds=True) == "2027-01-15 08:00:07 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-27T04:56:07.123Z", "2026-11-27 04:56 UTC"),
        ("2026-11-27T04:56:07+02:00", "2026-11-27 02:56 UTC"),
        ("2026-11-27T04:56:07", "2026-11-27 04:56 UTC"),
        ("tomorrow\n", "tomorrow\\n"),
        ("0001-01-01T00:00:00+05:00", "0001-01-01T00:00:00+05:00"),
        ("", ""),
    ],
)
def test_a_moment_of_the_api(text: str, shown: str) -> None:
    assert api_moment_text(text) == shown
