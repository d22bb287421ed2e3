"""Findings as GitLab's code quality report, for the widget of a merge request. Pure.

Source: docs.gitlab.com/ci/testing/code_quality, "Code Quality report format".
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from astro_ci.finding import Checked, Finding, Severity
from astro_ci.text import unicode

_SEVERITIES: Mapping[Severity, str] = {"error": "major", "warning": "minor", "notice": "info"}


def code_quality(checks: Sequence[Checked]) -> str:
    """Return the report as JSON. A finding without a file has the path of the repository, `.`."""
    seen: Counter[str] = Counter()
    entries = []
    for checked in checks:
        for finding in checked.findings:
            identity = _identity(finding)
            entries.append(_entry(finding, f"{identity}\0{seen[identity]}"))
            seen[identity] += 1
    return json.dumps(entries, ensure_ascii=True, indent=2) + "\n"


def _entry(finding: Finding, identity: str) -> dict[str, Any]:
    return {
        "description": finding.message,
        "check_name": finding.rule,
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest(),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": unicode(finding.path) or ".", "lines": {"begin": finding.line or 1}},
    }


def _identity(finding: Finding) -> str:
    """Return an identity of a finding that does not change when lines move, for GitLab."""
    return "\0".join((finding.rule, finding.path, finding.message))
