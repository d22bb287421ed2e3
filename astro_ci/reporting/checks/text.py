"""Findings as text for a log. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from astro_ci.finding import SEVERITIES, Checked, Finding, Severity, count
from astro_ci.text import printable

MOST_SHOWN = 10
"""The limit for findings of one severity: GitHub's limit for the annotations of a step."""
_STATUS_WORDS = {
    "passed": "passed",
    "failed": "failed",
    "impossible": "not possible",
    "skipped": "skipped",
}


def checks_text(checks: Sequence[Checked]) -> list[str]:
    """Return the lines of checks: each result, then its findings, the most severe first."""
    return [line for checked in checks for line in _check(checked)]


def headline(checked: Checked) -> str:
    """Return a check's result: `static check: failed (2 errors, 1 warning in 312 files)`."""
    result = f"{checked.name} check: {_STATUS_WORDS[checked.status]}"
    if checked.status in ("skipped", "impossible"):
        return result
    counted = counts(checked.findings)
    files = f"{checked.files} file{'' if checked.files == 1 else 's'}"
    found = f"{counted} in {files}" if counted else files
    silenced = f", {checked.silenced} silenced" if checked.silenced else ""
    return f"{result} ({found}{silenced})"


def counts(findings: Sequence[Finding]) -> str:
    """Return a text such as `2 errors, 1 warning`; empty without findings."""
    found = [(severity, count(findings, severity)) for severity in SEVERITIES]
    return ", ".join(f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in found if n)


def shown(findings: Sequence[Finding], severity: Severity) -> tuple[Sequence[Finding], int]:
    """Return the findings of a severity to show, and the number of the others."""
    found = [finding for finding in findings if finding.severity == severity]
    return found[:MOST_SHOWN], max(0, len(found) - MOST_SHOWN)


def place(finding: Finding) -> str:
    """Return a place such as `dags/a.py:3:7`, without unknown parts."""
    parts = (finding.path, finding.line, finding.column if finding.line else None)
    return ":".join(printable(str(part)) for part in parts if part)


def _check(checked: Checked) -> Iterator[str]:
    yield headline(checked)
    for severity in SEVERITIES:
        first, more = shown(checked.findings, severity)
        for finding in first:
            where = f"{place(finding)}: " if finding.path else ""
            yield f"  {severity}: {where}{printable(finding.message)} [{finding.rule}]"
        if more:
            yield f"  and {more} more {severity}{'' if more == 1 else 's'}"
    yield from (f"  not checked: {printable(reason)}" for reason in checked.not_checked)
    yield from (f"  note: {printable(note)}" for note in checked.notes)
