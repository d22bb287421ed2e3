"""The parts of the docker runner that need no engine."""

from __future__ import annotations

import pytest

from astro_ci.checks.runners.docker import _lines, _number


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb", b"c\r\n", b"d"], ["a", "bc", "d"]),
        ([b"\xff\n"], ["\ufffd"]),
        ([], []),
        ([b"x" * (1 << 20), b"y\n"], ["x" * (1 << 20) + "y"]),
        ([b"x" * (1 << 20) + b"x", b"y\n"], ["x" * (1 << 20) + "x", "y"]),
    ],
    ids=["split", "bytes", "nothing", "long", "too long"],
)
def test_lines(chunks: list[bytes], lines: list[str]) -> None:
    assert list(_lines(chunks)) == lines


@pytest.mark.parametrize(("text", "number"), [("50000", 50000), ("", 7), ("x", 7), ("\u00b2", 7)])
def test_a_number_of_a_user(text: str, number: int) -> None:
    assert _number(text, 7) == number
