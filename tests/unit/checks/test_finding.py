"""The values of checks: their order, and what makes a check fail."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from astro_ci.checks.finding import SEVERITIES, Checked, Finding, Severity, count

HERE = Finding(path="dags/a.py", line=3, column=5, rule="dag-syntax", severity="error", message="x")


def test_findings_come_from_the_gravest_down_then_by_place() -> None:
    ordered = [
        HERE,
        replace(HERE, line=10),
        replace(HERE, path="dags/b.py", line=None),
        replace(HERE, path="a.py", severity="warning"),
        replace(HERE, path="", severity="notice"),
    ]
    assert list(Checked.of("static", reversed(ordered)).findings) == ordered


def test_the_same_finding_is_told_once() -> None:
    checked = Checked.of("static", [HERE, replace(HERE)], files=2, seconds=0.5)
    assert checked.findings == (HERE,)
    assert (checked.files, checked.seconds) == (2, 0.5)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_errors_alone_fail_a_check(severity: Severity) -> None:
    checked = Checked.of("static", [replace(HERE, severity=severity)])
    assert checked.status == ("failed" if severity == "error" else "passed")
    assert count(checked.findings, severity) == 1


def test_nothing_found_passes() -> None:
    assert Checked.of("parse", [], notes=["in the image"]).status == "passed"
