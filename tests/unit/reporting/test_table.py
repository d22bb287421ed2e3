from __future__ import annotations

from astro_ci.reporting.table import facts_table, table, wrapped_table

HEADINGS = ("NAME", "ID")
ROWS = (("production", "cl1"), ("a", "cl2"))
TABLE = "NAME        ID\nproduction  cl1\na           cl2"


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert table(HEADINGS, ROWS, columns=None) == TABLE
    assert table(HEADINGS, ROWS, columns=15) == TABLE


def test_a_terminal_that_is_too_narrow_gets_a_paragraph_for_each_row() -> None:
    assert table(HEADINGS, ROWS, columns=14) == (
        "NAME\n    production\nID    cl1\n\nNAME  a\nID    cl2"
    )


def test_names_hold_no_control_characters() -> None:
    assert table(HEADINGS, [("a\n\x1b[2J", "")], columns=None).splitlines()[1:] == ["a\\n\\x1b[2J"]


LINK = "https://cloud.astronomer.io/cl1/deployments/cl2"


def test_the_values_of_paragraphs_are_broken_between_words_and_links_stay_whole() -> None:
    rows = [("Commit:", "d7ba7f7 Orders of another region"), ("Page:", LINK)]
    assert facts_table(rows, columns=24) == (
        f"Commit:  d7ba7f7 Orders\n         of another\n         region\nPage:\n{LINK}"
    )
    assert facts_table(rows, columns=51).splitlines()[1:] == ["Page:", f"    {LINK}"]
    assert facts_table(rows, columns=49).splitlines()[1:] == ["Page:", f"  {LINK}"]
    assert facts_table(rows, columns=None).splitlines()[1:] == [f"Page:    {LINK}"]


def test_a_wrapped_table_is_paragraphs_on_a_terminal_that_is_too_narrow() -> None:
    headings, rows = (("name", 6), ("what", 6)), [("a", "one two")]
    wide = "name    what\n------  ------\na       one\n        two"
    assert wrapped_table(headings, rows, columns=None) == wide
    assert wrapped_table(headings, rows, columns=14) == wide
    assert wrapped_table(headings, rows, columns=10) == "name  a\nwhat  one\n      two"
