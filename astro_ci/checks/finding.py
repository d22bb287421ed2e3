"""Re-export the values that checks return, from `astro_ci.finding`."""

from __future__ import annotations

from astro_ci.finding import SEVERITIES, Checked, CheckName, CheckStatus, Finding, Severity, count

__all__ = [
    "SEVERITIES",
    "CheckName",
    "CheckStatus",
    "Checked",
    "Finding",
    "Severity",
    "count",
]
