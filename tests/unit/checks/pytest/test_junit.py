"""Findings from JUnit reports; a real pytest's are tried in e2e."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.checks.pytest.junit import read_report

REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" tests="4">
<testcase classname="tests.test_a" name="test_ok" file="tests/test_a.py" line="1"/>
<testcase classname="tests.test_a" name="test_skipped" file="tests/test_a.py" line="4">
<skipped message="no"/></testcase>
<testcase classname="tests.test_a.TestX" name="test_bad[1]" file="tests/test_a.py" line="7">
<failure message="assert 1 == 2&#10;more">def test_bad():
&gt;   helper()

tests/test_a.py:13:
tests/helper.py:3: AssertionError
tests/test_a.py:15: AssertionError</failure></testcase>
<testcase classname="" name="tests.test_b" file="tests/test_b.py">
<error message="collection failure">tests/test_b.py:1: in &lt;module&gt;
    import nope
E   ModuleNotFoundError: No module named 'nope'</error></testcase>
</testsuite></testsuites>
"""


def test_each_test_that_failed_is_a_finding_on_its_line() -> None:
    report = read_report(REPORT, "team")
    assert report is not None
    assert (report.tests, report.skipped) == (4, 1)
    assert [(case.group, case.name, case.is_skipped) for case in report.cases] == [
        ("tests.test_a", "test_ok", False),
        ("tests.test_a", "test_skipped", True),
    ]
    assert [(f.path, f.line, f.message) for f in report.findings] == [
        ("team/tests/test_a.py", 15, "tests.test_a.TestX::test_bad[1]: assert 1 == 2"),
        (
            "team/tests/test_b.py",
            1,
            "tests.test_b: collection failure: ModuleNotFoundError: No module named 'nope'",
        ),
    ]
    assert {(f.rule, f.severity) for f in report.findings} == {("test-failed", "error")}


def test_without_a_line_in_the_text_the_test_itself_is_the_place() -> None:
    report = read_report(
        b'<testsuite><testcase name="t" file="t.py" line="6"><failure/></testcase></testsuite>', ""
    )
    assert report is not None
    assert [(f.path, f.line, f.message) for f in report.findings] == [("t.py", 7, "t: failure")]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<testsuite>",
        b'<!DOCTYPE x [<!ENTITY a "aaa">]><testsuite>&a;</testsuite>',
        b"\xff\xfe<",
        '<!DOCTYPE x [<!ENTITY a "aaa">]><testsuite>&a;</testsuite>'.encode("utf-16"),
    ],
)
def test_what_is_no_report_is_none(document: bytes) -> None:
    assert read_report(document, "") is None


def test_of_many_failures_some_are_told() -> None:
    case = b'<testcase name="t"><failure message="x"/></testcase>'
    report = read_report(b"<testsuite>" + case * 1000 + b"</testsuite>", "")
    assert report is not None
    assert (report.tests, len(report.findings)) == (1000, 200)


@given(st.binary())
def test_nothing_that_is_read_raises(document: bytes) -> None:
    read_report(document, "")
