"""What checks found: as text for people, as a document for programs, as annotations of lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from astro_ci.ci import Dialect
from astro_ci.finding import SEVERITIES, Checked, Finding, count
from astro_ci.text import printable, unicode

SCHEMA = 1
_MOST_ANNOTATIONS = 10  # as many of a kind as GitHub shows for a step
_MOST_DETAIL_LINES = 40
_STATUS = {
    "passed": "passed",
    "failed": "failed",
    "impossible": "could not be made",
    "skipped": "skipped",
}


def checks_document(checks: Sequence[Checked]) -> dict[str, Any]:
    """The document of `check --json`: keys may be added to it, never changed."""
    return {
        "schema": SCHEMA,
        "checks": [
            {
                "name": checked.name,
                "status": checked.status,
                "files": checked.files,
                "seconds": round(checked.seconds, 3),
                "notes": [printable(note) for note in checked.notes],
                "not_checked": [printable(clause) for clause in checked.not_checked],
                "silenced": checked.silenced,
            }
            for checked in checks
        ],
        "findings": [_finding_document(f) for checked in checks for f in checked.findings],
    }


def checks_text(checks: Sequence[Checked]) -> str:
    """Every finding with its place, then a line for each check."""
    lines: list[str] = []
    for checked in checks:
        for finding in checked.findings:
            lines += _finding_lines(finding)
        lines += [printable(note) for note in checked.notes]
        lines += [f"not checked: {printable(clause)}" for clause in checked.not_checked]
        lines.append(_summary(checked))
    return "\n".join(lines)


def annotate(checks: Sequence[Checked], dialect: Dialect) -> None:
    """Put errors and warnings on the lines they belong to, the first ten of each."""
    if not dialect.has_annotations:
        return
    findings = [finding for checked in checks for finding in checked.findings]
    for severity in ("error", "warning"):
        chosen = (finding for finding in findings if finding.severity == severity)
        for finding in islice(chosen, _MOST_ANNOTATIONS):
            dialect.annotate(
                "error" if severity == "error" else "warning",
                printable(finding.message),
                title=finding.rule,
                file=unicode(finding.path) or None,
                line=finding.line,
            )


def _finding_document(finding: Finding) -> dict[str, Any]:
    found: dict[str, Any] = {
        "path": unicode(finding.path),
        "line": finding.line,
        "column": finding.column,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": printable(finding.message),
    }
    if finding.detail:
        found["detail"] = unicode(finding.detail)
    if finding.dag_ids:
        found["dag_ids"] = [unicode(dag_id) for dag_id in finding.dag_ids]
    return found


def _finding_lines(finding: Finding) -> Iterator[str]:
    numbers = [str(n) for n in (finding.line, finding.column) if n is not None]
    place = ":".join([printable(finding.path) or "(project)", *numbers])
    yield f"{place}: {finding.severity}: {printable(finding.message)} [{finding.rule}]"
    for line in finding.detail.splitlines()[-_MOST_DETAIL_LINES:]:
        yield f"    {printable(line)}"


def _summary(checked: Checked) -> str:
    counts = [(severity, count(checked.findings, severity)) for severity in SEVERITIES]
    found = ", ".join(f"{n} {word}{'s' if n != 1 else ''}" for word, n in counts if n)
    status = _STATUS[checked.status]
    return f"{checked.name}: {status}{f' ({found})' if found else ''} in {checked.seconds:.1f} s"
