from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.text import (
    api_moment_text,
    excerpt,
    listed,
    moment_text,
    printable,
    sentence,
    shorten,
    size_text,
)


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


@given(st.text(max_size=500))
def test_an_excerpt_is_one_short_line(text: str) -> None:
    shown = excerpt(text)
    assert shown.isprintable()
    assert len(shown) <= 80
    assert shown == printable(text) or shown.endswith("…")


def test_an_excerpt_of_80_characters_is_whole() -> None:
    assert excerpt("x" * 80) == "x" * 80
    assert excerpt("x" * 81) == "x" * 79 + "…"
    assert excerpt("\n" * 41) == "\\n" * 39 + "\\…"


def test_an_excerpt_does_not_cut_a_word_in_two() -> None:
    """What is left of a secret that was cut would not be recognised as one."""
    secret = "a-secret.of_40+characters" * 2
    assert excerpt(f"{'x' * 40} TOKEN={secret}") == f"{'x' * 40} TOKEN=…"
    assert excerpt(f"{'x' * 70}\0{secret}") == f"{'x' * 70}\\…"


def test_listed() -> None:
    names = ["a", "b", "c"]
    assert listed(names) == "a, b, c"
    assert listed(names, most=1) == "a and 2 more"
    assert listed([]) == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (6200, "6 kB"), (3_400_000, "3.4 MB")],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_a_sentence_starts_with_a_capital_unless_it_starts_with_a_name() -> None:
    assert sentence("the file is gone") == "The file is gone."
    assert sentence("deployed: DAGs only!") == "Deployed: DAGs only!"
    assert sentence("astro-ci.yaml line 4: no such key") == "astro-ci.yaml line 4: no such key."
    assert sentence("dags/a.py:3: invalid syntax") == "dags/a.py:3: invalid syntax."
    assert sentence("") == ""


def test_a_moment_is_in_utc() -> None:
    assert moment_text(1_800_000_007.9) == "2027-01-15 08:00 UTC"
    assert moment_text(1_800_000_007.9, has_seconds=True) == "2027-01-15 08:00:07 UTC"


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


def test_a_moment_out_of_range_is_still_told() -> None:
    assert moment_text(-1e30).endswith(" s after 1970-01-01 UTC")
