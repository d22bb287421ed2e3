"""Findings as JSON documents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from astro_ci.finding import Checked, Finding

SCHEMA = 1


def checks_document(checks: Sequence[Checked]) -> dict[str, Any]:
    """The document of `check --json`: keys may be added to it, never changed."""
    document = checks_keys(checks)
    for entry, checked in zip(document["checks"], checks, strict=True):
        entry["duration_seconds"] = round(checked.seconds, 3)
    return {"schema": SCHEMA, **document}


def checks_keys(checks: Sequence[Checked]) -> dict[str, Any]:
    """Return the keys for larger documents: without a schema, and the same for each run."""
    return {
        "checks": [_check(checked) for checked in checks],
        "findings": [
            finding_document(finding) for checked in checks for finding in checked.findings
        ],
    }


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return the document of a finding. `line` and `column` are null if they are not known."""
    return {
        "path": finding.path,
        "line": finding.line,
        "column": finding.column,
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        **({"detail": finding.detail} if finding.detail else {}),
        **({"dag_ids": list(finding.dag_ids)} if finding.dag_ids else {}),
    }


def _check(checked: Checked) -> dict[str, Any]:
    return {
        "name": checked.name,
        "status": checked.status,
        "files": checked.files,
        "silenced": checked.silenced,
        "notes": list(checked.notes),
        "not_checked": list(checked.not_checked),
    }
