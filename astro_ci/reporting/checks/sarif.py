"""Findings as SARIF 2.1.0, for code scanning. Pure.

Source: the OASIS standard "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from astro_ci import __version__
from astro_ci.checks.rules import RULES
from astro_ci.finding import Checked, Finding, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "notice": "note"}
_ROOT = "%SRCROOT%"


def sarif(checks: Sequence[Checked]) -> str:
    """Return the log as JSON, with one run. Columns count characters."""
    findings = [finding for checked in checks for finding in checked.findings]
    rules = list(dict.fromkeys(finding.rule for finding in findings))
    is_successful = all(checked.status != "impossible" for checked in checks)
    run = {
        "tool": {
            "driver": {
                "name": "astro-ci",
                "semanticVersion": __version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": is_successful,
                "toolExecutionNotifications": _notifications(checks),
            }
        ],
        "results": [_result(finding, rules.index(finding.rule)) for finding in findings],
    }
    document = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(document, ensure_ascii=True, indent=2) + "\n"


def _rule(name: str) -> dict[str, Any]:
    rule = RULES.get(name)
    if rule is None:
        return {"id": name}
    return {
        "id": name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.meaning},
        "help": {"text": rule.remedy},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    text = "\n".join(filter(None, (finding.message, finding.detail)))
    found: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(finding)] if finding.path else [],
    }
    if finding.dag_ids:
        found["properties"] = {"dag_ids": list(finding.dag_ids)}
    return found


def _location(finding: Finding) -> dict[str, Any]:
    # In this URI, bytes that are not UTF-8 are percent-encoded unchanged.
    uri = quote(os.fsencode(finding.path))
    where: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": _ROOT}}
    if finding.line:
        where["region"] = {
            "startLine": finding.line,
            **({"startColumn": finding.column} if finding.column else {}),
        }
    return {"physicalLocation": where}


def _notifications(checks: Sequence[Checked]) -> list[dict[str, Any]]:
    return [
        {
            "level": "error" if checked.status == "impossible" else "note",
            "message": {"text": f"{checked.name}: not checked: {reason}"},
        }
        for checked in checks
        for reason in checked.not_checked
    ]
