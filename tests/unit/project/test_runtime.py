"""Astro Runtime versions: two shapes, one order."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.project.runtime import AIRFLOW_3_NEEDS, RuntimeVersion, newest_first

OLD_TO_NEW = [
    "3.0.4",
    "4.2.0",
    "9.9.9",
    "9.10.0",
    "12.0.0-alpha1",
    "12.0.0-beta1",
    "12.0.0-rc1",
    "12.0.0-rc2",
    "12.0.0-rc10",
    "12.0.0",
    "12.1.1",
    "13.1.0",
    "99.0.0",
    "3.0-1.dev1",
    "3.0-1.alpha2",
    "3.0-1",
    "3.0-2",
    "3.0-10",
    "3.1-2",
    "3.10-1",
    "4.0-1",
]


def parsed(text: str) -> RuntimeVersion:
    version = RuntimeVersion.parse(text)
    assert version is not None
    return version


def test_versions_are_ordered_by_age() -> None:
    for older, newer in itertools.combinations(OLD_TO_NEW, 2):
        assert parsed(older) < parsed(newer), (older, newer)


def test_the_newest_comes_first_and_what_is_no_version_last() -> None:
    mixed = ["latest", *OLD_TO_NEW[::2], *OLD_TO_NEW[1::2], "base"]
    assert newest_first(mixed) == [*reversed(OLD_TO_NEW), "base", "latest"]


@pytest.mark.parametrize(
    ("text", "airflow"), [("12.1.1", 2), ("3.0.4", 2), ("3.1-2", 3), ("4.0-1", 4)]
)
def test_the_shape_tells_airflow_s_major_version(text: str, airflow: int) -> None:
    assert parsed(text).airflow == airflow


@pytest.mark.parametrize(
    "text", ["", "latest", "13", "13.1", "3.1-", "v13.1.0", "13.1.0.", "3.1-x"]
)
def test_what_has_neither_shape_is_no_version(text: str) -> None:
    assert RuntimeVersion.parse(text) is None


def test_a_variant_of_a_version_is_that_version() -> None:
    assert parsed("13.1.0-base") == parsed(" 13.1.0\n") == parsed("13.1.0-python-3.11")
    assert str(parsed(" 3.1-2 ")) == "3.1-2"


def test_where_airflow_3_may_start_from() -> None:
    assert parsed("11.99.0") < AIRFLOW_3_NEEDS <= parsed("12.0.0")
    assert parsed("12.0.0-rc1") < AIRFLOW_3_NEEDS


numbers = st.tuples(*[st.integers(0, 99)] * 3)


@given(numbers, numbers)
def test_numbers_compare_as_numbers(one: tuple[int, int, int], two: tuple[int, int, int]) -> None:
    for shape in ("{}.{}.{}", "{}.{}-{}"):
        first, second = parsed(shape.format(*one)), parsed(shape.format(*two))
        assert (first < second) == (one < two)
        assert (first == second) == (one == two)
