"""Findings as a JUnit report: a test suite for each check, a test case for each finding. Pure.

Most CI systems can show such a report. A check without findings is a passed test case, and so is
each passed test of the project.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from astro_ci.finding import Case, Checked, Finding
from astro_ci.reporting.checks.text import place
from astro_ci.text import unicode

_FORBIDDEN = {code: "\ufffd" for code in (*range(0x20), 0xFFFE, 0xFFFF) if code not in (9, 10, 13)}


def junit(checks: Sequence[Checked]) -> str:
    """Return the report as XML. Errors are failures; warnings and notices are passed cases."""
    root = ElementTree.Element("testsuites", name="astro-ci")
    for checked in checks:
        root.append(_suite(checked))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(checked: Checked) -> ElementTree.Element:
    cases = [_case(checked, finding) for finding in checked.findings]
    cases += [_test(case) for case in checked.cases]
    if checked.status == "impossible":
        cases.insert(0, _impossible(checked))
    elif checked.status == "skipped":
        cases.insert(0, _skipped(checked))
    elif not cases:
        cases = [_named(checked, "no findings")]
    counted = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }
    suite = ElementTree.Element("testsuite", name=checked.name, time=f"{checked.seconds:.3f}")
    for name, number in counted.items():
        suite.set(name, str(number))
    suite.extend(cases)
    return suite


def _case(checked: Checked, finding: Finding) -> ElementTree.Element:
    case = _named(checked, f"{finding.rule} {place(finding)}".strip())
    if finding.path:
        case.set("file", _text(finding.path))
    if finding.line:
        case.set("line", str(finding.line))
    message = _text(finding.message)
    detail = _text("\n".join(filter(None, (place(finding), finding.message, finding.detail))))
    if finding.severity == "error":
        ElementTree.SubElement(case, "failure", message=message, type=finding.rule).text = detail
    else:
        ElementTree.SubElement(case, "system-out").text = f"{finding.severity}: {detail}"
    return case


def _test(case: Case) -> ElementTree.Element:
    element = ElementTree.Element(
        "testcase",
        classname=_text(case.group),
        name=_text(case.name),
        time=f"{case.seconds:.3f}",
    )
    if case.is_skipped:
        ElementTree.SubElement(element, "skipped")
    return element


def _impossible(checked: Checked) -> ElementTree.Element:
    case = _named(checked, "the check itself")
    reason = _text("; ".join(checked.not_checked) or "the check was not possible")
    ElementTree.SubElement(case, "error", message=reason, type="impossible")
    return case


def _skipped(checked: Checked) -> ElementTree.Element:
    case = _named(checked, "the check itself")
    ElementTree.SubElement(case, "skipped")
    return case


def _named(checked: Checked, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=f"astro-ci.{checked.name}", name=_text(name))


def _text(text: str) -> str:
    """Remove the characters that are not allowed in XML."""
    return unicode(text).translate(_FORBIDDEN)
