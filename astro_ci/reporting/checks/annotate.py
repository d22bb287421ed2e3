"""Show findings at their lines, if the CI system has annotations."""

from __future__ import annotations

from collections.abc import Sequence

from astro_ci.checks.rules import RULES
from astro_ci.ci import Dialect
from astro_ci.finding import SEVERITIES, Checked
from astro_ci.reporting.checks.text import headline, shown


def annotate_findings(checks: Sequence[Checked], dialect: Dialect) -> None:
    """Annotate the first findings of each severity; the last annotation counts the others.

    Does nothing if the CI system has no annotations, because the log has the findings as text.
    """
    if not dialect.has_annotations:
        return
    findings = [finding for checked in checks for finding in checked.findings]
    for severity in SEVERITIES:
        first, more = shown(findings, severity)
        if more:  # the last one is the count: the CI system drops annotations over its limit
            first, more = first[:-1], more + 1
        for finding in first:
            rule = RULES.get(finding.rule)
            dialect.annotate(
                severity,
                "\n".join(filter(None, (finding.message, finding.detail))),
                title=f"{rule.title} ({finding.rule})" if rule else finding.rule,
                file=finding.path or None,
                line=finding.line,
            )
        if more:
            dialect.annotate(severity, f"{more} more {severity}s; the log and the report list them")
    for checked in checks:
        if checked.status == "impossible":
            reason = "; ".join(checked.not_checked)
            dialect.annotate("error", f"{headline(checked)}: {reason}")
