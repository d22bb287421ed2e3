from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from astro_ci.text import listed, printable, shorten


@given(st.binary(max_size=300))
def test_any_file_name_is_printable(name: bytes) -> None:
    shown = printable(os.fsdecode(name))
    assert shown.isprintable()
    shown.encode("utf-8")


def test_printable_keeps_what_people_can_read() -> None:
    assert printable("dags/ü 日本.py") == "dags/ü 日本.py"
    assert printable("a\nb\x1b[0m\udcff") == "a\\nb\\x1b[0m\\xff"


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_shorten_never_exceeds_the_limit(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert len(short) <= limit
    assert short == text or short.endswith("…")


def test_listed() -> None:
    names = ["a", "b", "c"]
    assert listed(names) == "a, b, c"
    assert listed(names, most=1) == "a and 2 more"
    assert listed([]) == ""
