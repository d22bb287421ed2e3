"""Reports of findings: valid by the formats' own schemas, whatever the findings hold."""

from __future__ import annotations

import io
import json
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from astro_ci.checks.rules import RULES
from astro_ci.ci import dialect_for
from astro_ci.finding import SEVERITIES, Checked, Finding
from astro_ci.reporting.checks.annotate import annotate_findings
from astro_ci.reporting.checks.code_quality import code_quality
from astro_ci.reporting.checks.document import checks_document
from astro_ci.reporting.checks.junit import junit
from astro_ci.reporting.checks.sarif import sarif
from astro_ci.reporting.checks.text import checks_text
from tests.unit.reporting.checks.schemas import CODE_QUALITY, SARIF, validate

ERROR = Finding(
    path="dags/a b.py",
    line=3,
    column=7,
    rule="dag-syntax",
    severity="error",
    message="'(' was never closed",
    detail="first\nsecond",
    dag_ids=("x",),
)
WARNING = Finding(path="", rule="dag-none", severity="warning", message="no DAG")
CHECKS = (
    Checked.of("static", [ERROR, WARNING], files=2, seconds=0.5, notes=["ruff is absent"]),
    Checked(name="parse", status="impossible", not_checked=("no image is at hand",)),
    Checked(name="pytest", status="skipped"),
)

TEXT = st.text(max_size=30)
NAMES = st.one_of(TEXT, st.binary(max_size=20).map(lambda b: b.decode("utf-8", "surrogateescape")))
FINDINGS = st.builds(
    Finding,
    path=NAMES,
    line=st.none() | st.integers(1, 10**6),
    column=st.none() | st.integers(1, 10**6),
    rule=st.sampled_from([*RULES, "some-other"]),
    severity=st.sampled_from(SEVERITIES),
    message=NAMES,
    detail=NAMES,
    dag_ids=st.lists(TEXT, max_size=2).map(tuple),
)
ANY = st.lists(FINDINGS, max_size=5).map(lambda found: (Checked.of("static", found),))


def test_text() -> None:
    assert checks_text(CHECKS) == [
        "static check: failed (1 error, 1 warning in 2 files)",
        "  error: dags/a b.py:3:7: '(' was never closed [dag-syntax]",
        "  warning: no DAG [dag-none]",
        "  note: ruff is absent",
        "parse check: not possible",
        "  not checked: no image is at hand",
        "pytest check: skipped",
    ]


def test_text_shows_ten_of_a_kind() -> None:
    many = Checked.of("static", [replace(ERROR, line=line) for line in range(1, 13)], files=1)
    lines = checks_text([many])
    assert lines[0] == "static check: failed (12 errors in 1 file)"
    assert lines[-1] == "  and 2 more errors"
    assert len(lines) == 12


def test_document() -> None:
    document = checks_document(CHECKS)
    assert document["schema"] == 1
    assert [check["status"] for check in document["checks"]] == ["failed", "impossible", "skipped"]
    assert document["checks"][0]["duration_seconds"] == 0.5
    assert document["findings"] == [
        {
            "path": "dags/a b.py", "line": 3, "column": 7, "rule": "dag-syntax",
            "severity": "error", "message": "'(' was never closed", "detail": "first\nsecond",
            "dag_ids": ["x"],
        },
        {
            "path": "", "line": None, "column": None, "rule": "dag-none", "severity": "warning",
            "message": "no DAG",
        },
    ]  # fmt: skip


def annotated(system: str, checks: tuple[Checked, ...]) -> list[str]:
    out = io.StringIO()
    annotate_findings(checks, dialect_for(system, env={}, out=out))
    return out.getvalue().splitlines()


def test_annotations_on_github() -> None:
    assert annotated("github", CHECKS) == [
        "::error file=dags/a b.py,line=3,title=The file is not valid Python (dag-syntax)::"
        "'(' was never closed%0Afirst%0Asecond",
        "::warning title=There is no DAG (dag-none)::no DAG",
        "::error::parse check: not possible: no image is at hand",
    ]


def test_annotations_on_azure() -> None:
    assert annotated("azure", CHECKS)[0] == (
        "##vso[task.logissue type=error;sourcepath=dags/a b.py;linenumber=3;]The file is not valid "
        "Python (dag-syntax): '(' was never closed%0Afirst%0Asecond"
    )


@pytest.mark.parametrize("system", ["gitlab", "buildkite", "none"])
def test_where_there_are_none_the_log_is_enough(system: str) -> None:
    assert annotated(system, CHECKS) == []


def test_the_tenth_annotation_counts_the_rest() -> None:
    many = Checked.of("static", [replace(ERROR, line=line) for line in range(1, 31)])
    lines = annotated("github", (many,))
    assert len(lines) == 10
    assert lines[-1] == "::error::21 more errors; the log and the report list them"


@given(ANY)
def test_no_finding_makes_a_workflow_command_of_its_own(checks: tuple[Checked, ...]) -> None:
    for line in annotated("github", checks):
        assert line.startswith(("::error", "::warning", "::notice"))
    for line in annotated("azure", checks):
        assert line.count("##vso[") <= 1


class TestCodeQuality:
    def test_entries(self) -> None:
        first, second = json.loads(code_quality(CHECKS))
        assert first["location"] == {"path": "dags/a b.py", "lines": {"begin": 3}}
        assert (first["check_name"], first["severity"]) == ("dag-syntax", "major")
        assert second["location"] == {"path": ".", "lines": {"begin": 1}}

    def test_a_fingerprint_survives_that_the_line_moves(self) -> None:
        def fingerprints(*lines: int) -> list[str]:
            found = [replace(ERROR, line=line) for line in lines]
            report = json.loads(code_quality([Checked.of("static", found)]))
            return [entry["fingerprint"] for entry in report]

        assert fingerprints(3) == fingerprints(30)
        twice = fingerprints(3, 4)
        assert len(set(twice)) == 2

    @given(ANY)
    def test_is_valid(self, checks: tuple[Checked, ...]) -> None:
        report = json.loads(code_quality(checks))
        validate(report, CODE_QUALITY)
        assert len({entry["fingerprint"] for entry in report}) == len(report)


class TestSarif:
    def test_a_run(self) -> None:
        document: dict[str, Any] = json.loads(sarif(CHECKS))
        (run,) = document["runs"]
        assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["dag-syntax", "dag-none"]
        assert run["invocations"][0]["executionSuccessful"] is False
        first, second = run["results"]
        assert first["locations"][0]["physicalLocation"] == {
            "artifactLocation": {"uri": "dags/a%20b.py", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 3, "startColumn": 7},
        }
        assert (first["level"], second["level"], second["locations"]) == ("error", "warning", [])

    @given(ANY)
    def test_is_valid(self, checks: tuple[Checked, ...]) -> None:
        validate(json.loads(sarif(checks)), SARIF)


def parsed(checks: tuple[Checked, ...]) -> ElementTree.Element:
    return ElementTree.fromstring(junit(checks).encode())  # noqa: S314 - ours


class TestJUnit:
    def test_suites(self) -> None:
        root = parsed(CHECKS)
        counted = [
            tuple(suite.get(name) for name in ("name", "tests", "failures", "errors", "skipped"))
            for suite in root
        ]
        assert counted == [
            ("static", "2", "1", "0", "0"),
            ("parse", "1", "0", "1", "0"),
            ("pytest", "1", "0", "0", "1"),
        ]
        case = root[0][0]
        assert (case.get("name"), case.get("file"), case.get("line")) == (
            "dag-syntax dags/a b.py:3:7", "dags/a b.py", "3")  # fmt: skip
        failure = case.find("failure")
        assert failure is not None
        assert failure.text == "dags/a b.py:3:7\n'(' was never closed\nfirst\nsecond"

    def test_nothing_found_is_a_test_that_passed(self) -> None:
        (suite,) = parsed((Checked.of("static", []),))
        assert (suite.get("tests"), suite.get("failures")) == ("1", "0")

    @given(ANY)
    def test_is_well_formed(self, checks: tuple[Checked, ...]) -> None:
        root = parsed(checks)
        errors = sum(finding.severity == "error" for finding in checks[0].findings)
        assert len(root.findall("./testsuite/testcase/failure")) == errors
