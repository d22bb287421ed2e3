"""Make findings from a JUnit report that pytest wrote. Pure."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from astro_ci.finding import Case, Finding
from astro_ci.paths import join
from astro_ci.text import Regex, printable, shorten

_TIME = Regex(r"\d{1,9}(?:\.\d{1,9})?")
_PLACE = Regex(r"(?P<path>[^\s:]+):(?P<line>\d+): ")
_MOST = 200
_MOST_CASES = 10_000
_LONGEST = 500
_MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True, kw_only=True)
class JUnitReport:
    """The content of a report."""

    tests: int
    skipped: int
    findings: tuple[Finding, ...]
    """One finding for each failed test, at most 200."""
    cases: tuple[Case, ...]
    """The tests that did not fail, at most 10,000."""


def read_report(document: bytes, root: str) -> JUnitReport | None:
    """Read a report; return None when the document is not a JUnit report.

    `root` is the project's path from the repository root. The project's tests can change the
    report, so a document type is refused: its entities can expand without bounds.
    """
    # A null byte shows an encoding such as UTF-16, in which these words have other bytes.
    if any(word in document for word in (b"<!DOCTYPE", b"<!ENTITY", b"\0")):
        return None
    try:
        tree = ElementTree.fromstring(document)  # noqa: S314 - without a document type
    except ElementTree.ParseError:
        return None
    cases = list(tree.iter("testcase"))
    found = list(_failures(cases, root))
    return JUnitReport(
        tests=len(cases),
        skipped=sum(case.find("skipped") is not None for case in cases),
        findings=tuple(found[:_MOST]),
        cases=tuple(islice(_others(cases), _MOST_CASES)),
    )


def _others(cases: list[ElementTree.Element]) -> Iterator[Case]:
    """Yield the tests that did not fail."""
    for case in cases:
        if case.find("failure") is None and case.find("error") is None:
            yield Case(
                group=shorten(printable(case.get("classname", "")), _LONGEST),
                name=shorten(printable(case.get("name", "")), _LONGEST),
                seconds=_seconds(case.get("time", "")),
                is_skipped=case.find("skipped") is not None,
            )


def _seconds(text: str) -> float:
    """Read a time that pytest wrote; return 0 for any other text."""
    return float(text) if _TIME.fullmatch(text) else 0.0


def _failures(cases: list[ElementTree.Element], root: str) -> Iterator[Finding]:
    for case in cases:
        for problem in (*case.findall("failure"), *case.findall("error")):
            yield _finding(case, problem, root)


def _finding(case: ElementTree.Element, problem: ElementTree.Element, root: str) -> Finding:
    text = problem.text or ""
    file = case.get("file", "")
    places = [match for match in _PLACE.finditer(text) if match["path"] == file or not file]
    if places and (not file or not case.get("name")):
        file = places[-1]["path"]
    line = int(places[-1]["line"]) if places else _first_line(case)
    name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
    message = (problem.get("message") or problem.tag).strip().splitlines()
    if message == ["collection failure"]:  # names no cause; the cause is the last line marked E
        causes = [line[1:].strip() for line in text.splitlines() if line.startswith("E  ")]
        message = [f"collection failure: {causes[-1]}"] if causes else message
    return Finding(
        path=join(root, file) if file else "",
        line=line,
        rule="test-failed",
        severity="error",
        message=shorten(printable(f"{name}: {message[0] if message else 'failed'}"), _LONGEST),
        detail=text[-_MOST_CHARACTERS:],
    )


def _first_line(case: ElementTree.Element) -> int | None:
    """Return the test's first line, counted from 1; pytest counts from 0."""
    number = case.get("line", "")
    return int(number) + 1 if number.isdecimal() else None
