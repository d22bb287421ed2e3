"""Sentences on a narrow terminal."""

import pytest

from astro_ci.reporting.folding import folded

HINT = "hint: Correct line 4 of the Dockerfile, or what the step needs."


@pytest.mark.parametrize("line", [HINT, f"  {HINT}"])
def test_a_sentence_is_folded_between_words(line: str) -> None:
    lines = folded([line], 30)
    assert max(map(len, lines)) <= 30
    assert " ".join(part.strip() for part in lines) == line.strip()
    start = len(line) - len(line.lstrip())
    assert lines[0].startswith(" " * start + "hint: ")
    assert all(part.startswith(" " * (start + 2)) for part in lines[1:])


@pytest.mark.parametrize(
    "line",
    ["Next: astro-ci deploy --deployment-id clx0your0deployment0id", "  a  b", "", "hint: x"],
)
def test_what_is_no_sentence_or_fits_stays(line: str) -> None:
    assert folded([line], 30) == [line]


def test_without_a_terminal_nothing_is_folded() -> None:
    assert folded([HINT], None) == [HINT]


def test_a_word_that_is_wider_stays_whole() -> None:
    url = "https://example.com/" + "x" * 80
    assert folded([f"error: {url} is down"], 40) == ["error:", f"  {url}", "  is down"]


MESSAGE = "DAG files were not loaded: there is no Airflow here (--parse loads them)"


def test_of_messages_every_line_that_is_not_indented_is_folded() -> None:
    command = "Next: astro-ci deploy --deployment-id clx0your0deployment0id"
    row = "  Commit          d7ba7f7 Orders of another region"
    assert folded([MESSAGE, command, row], 40, are_messages=True) == [
        "DAG files were not loaded: there is no",
        "  Airflow here (--parse loads them)",
        command,
        row,
    ]
    assert folded([MESSAGE], 40) == [MESSAGE]
