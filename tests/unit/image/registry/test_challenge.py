"""What a registry's 401 asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.image.registry.challenge import Challenge, read_challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ('Basic realm="Astro"', [Challenge("basic", {"realm": "Astro"})]),
        ("basic", [Challenge("basic")]),
        (
            'Bearer realm="https://auth.example/token",service="a b",scope="repository:x:pull"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.example/token",
                        "service": "a b",
                        "scope": "repository:x:pull",
                    },
                )
            ],
        ),
        (
            'Bearer realm=https://a/b , Basic  realm="x, Digest y=\\"z\\""',
            [
                Challenge("bearer", {"realm": "https://a/b"}),
                Challenge("basic", {"realm": 'x, Digest y="z"'}),
            ],
        ),
        ('realm="no scheme"', []),
        ('Bearer realm="never ends', [Challenge("bearer"), Challenge("realm")]),
    ],
)
def test_challenges(header: str, expected: list[Challenge]) -> None:
    assert read_challenges(header) == expected


@given(st.text(max_size=60))
def test_any_header_can_be_read(header: str) -> None:
    read_challenges(header)
    read_challenges(f"Bearer {header}")
