"""`checks.ignore`: which findings it silences."""

from __future__ import annotations

import pytest

from astro_ci.checks.ignore import read_silence, silence
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.finding import Checked, Finding


def finding(rule: str, path: str = "project/dags/a.py", severity: str = "error") -> Finding:
    assert severity in ("error", "warning")
    return Finding(path=path, rule=rule, severity=severity, message="m")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rule", "paths", "path", "is_silenced"),
    [
        ("dag-syntax", [], "project/dags/a.py", True),
        ("dag-import", [], "project/dags/a.py", False),
        ("dag-*", [], "project/dags/a.py", True),
        ("dag-syntax", ["dags/a.py"], "project/dags/a.py", True),
        ("dag-syntax", ["project/dags"], "project/dags/a.py", True),
        ("dag-syntax", ["dags/*.py", "!dags/a.py"], "project/dags/a.py", False),
        ("dag-syntax", ["dags/b/**"], "project/dags/a.py", False),
        ("dag-syntax", ["**"], "", False),
        ("dag-syntax", [], "", True),
    ],
)
def test_what_an_entry_covers(rule: str, paths: list[str], path: str, is_silenced: bool) -> None:
    entry = read_silence(rule, paths, project="project")
    assert entry.covers(finding("dag-syntax", path)) is is_silenced


def test_a_check_without_errors_left_passes() -> None:
    checked = Checked.of("static", [finding("dag-syntax"), finding("dag-import", "", "warning")])
    found = silence(checked, [read_silence("dag-syntax")])
    assert (found.status, found.silenced, len(found.findings)) == ("passed", 1, 1)
    assert silence(checked, [read_silence("dag-import")]).status == "failed"


def test_a_check_that_was_impossible_stays_so() -> None:
    checked = Checked(name="parse", status="impossible", findings=(finding("dag-syntax"),))
    assert silence(checked, [read_silence("dag-syntax")]).status == "impossible"


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(ConfigurationError, match="'dag-sintax'") as caught:
        read_silence("dag-sintax")
    assert caught.value.hint == "Did you mean dag-syntax?"
    with pytest.raises(ConfigurationError) as caught:
        read_silence("E501")
    assert "dag-duplicate-id" in caught.value.hint


def test_a_bad_glob_is_refused() -> None:
    with pytest.raises(ProjectError, match=r"checks\.ignore line 1"):
        read_silence("dag-syntax", ["dags/["])
