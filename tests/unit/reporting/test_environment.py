"""What `env` tells people."""

from __future__ import annotations

from astro_ci.ci import detect
from astro_ci.reporting.cells import cell_width
from astro_ci.reporting.environment import env_text

JOB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_EVENT_NAME": "push",
    "GITHUB_REF": f"refs/heads/{'long-' * 8}branch",
    "GITHUB_SHA": "a" * 40,
}


def test_each_value_is_beside_its_name_and_its_source() -> None:
    assert f"  head                  {'a' * 40}  (from GITHUB_SHA)" in env_text(detect(JOB))


def test_on_a_narrow_terminal_the_source_is_below_its_value() -> None:
    lines = env_text(detect(JOB), columns=66).splitlines()
    assert max(map(cell_width, lines)) <= 66
    at = lines.index(f"  head                  {'a' * 40}")
    assert lines[at + 1] == f"{'':24}(from GITHUB_SHA)"


def test_no_fact_at_all_is_said_in_a_sentence_that_fits() -> None:
    lines = env_text(detect({}), columns=40).splitlines()
    assert [line.strip() for line in lines[1:]] == [
        "the CI system gives no facts about",
        "this run, so git's are used",
    ]
