from __future__ import annotations

from astro_ci.reporting.table import table

HEADINGS = ("NAME", "ID")
ROWS = (("production", "cl1"), ("a", "cl2"))
TABLE = "NAME        ID\nproduction  cl1\na           cl2"


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(HEADINGS, ROWS, columns=None) == TABLE
    assert table(HEADINGS, ROWS, columns=15) == TABLE


def test_a_terminal_that_is_too_narrow_gets_a_paragraph_for_each_row() -> None:
    assert table(HEADINGS, ROWS, columns=14) == (
        "NAME  production\nID    cl1\n\nNAME  a\nID    cl2"
    )


def test_names_hold_no_control_characters() -> None:
    assert table(HEADINGS, [("a\n\x1b[2J", "")], columns=None).splitlines()[1:] == ["a\\n\\x1b[2J"]
