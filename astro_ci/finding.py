"""What checks find: frozen values that every check makes, every report shows and a Plan carries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "notice"]
CheckName = Literal["static", "parse", "pytest"]
CheckStatus = Literal["passed", "failed", "impossible", "skipped"]
"""`impossible`: the check was wanted and could not be made, which never counts as passed.
`skipped`: nobody asked for the check, and it could not be made."""

SEVERITIES: Sequence[Severity] = ("error", "warning", "notice")
"""The most severe first."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or may be, at one place of the repository."""

    path: str
    """Relative to the repository root, with `/`; bytes that are not UTF-8 are surrogate escapes.
    Empty when the finding is about no single file."""
    line: int | None = None
    """Counted from 1; None when the finding is about the whole file."""
    column: int | None = None
    """Counted from 1, in characters; None when unknown."""
    rule: str
    """A name of the table in `checks/rules.py`, such as `dag-syntax`."""
    severity: Severity
    message: str
    """One line for people; may quote what the checkout holds, and so is untrusted."""
    detail: str = ""
    """More lines, such as a trimmed traceback; untrusted too."""
    dag_ids: Sequence[str] = ()
    """The DAGs that are known to be affected."""

    @property
    def order(self) -> tuple[int, str, int, int, str, str]:
        """Sort by severity, then by place."""
        rank = SEVERITIES.index(self.severity)
        return rank, self.path, self.line or 0, self.column or 0, self.rule, self.message


class Case(Struct, frozen=True, kw_only=True):
    """One test that did not fail."""

    group: str
    """Its module and class, with dots."""
    name: str
    seconds: float = 0.0
    is_skipped: bool = False


class Checked(Struct, frozen=True, kw_only=True):
    """How one check ended."""

    name: CheckName
    status: CheckStatus
    findings: Sequence[Finding] = ()
    """The most severe first."""
    notes: Sequence[str] = ()
    """Lines for people that are no findings: which image was used, what ruff would have added."""
    not_checked: Sequence[str] = ()
    """What the check could not look at, each with the reason, as a clause."""
    files: int = 0
    """How many files were looked at."""
    cases: Sequence[Case] = ()
    """The tests that did not fail, for reports that list them."""
    silenced: int = 0
    """How many findings `checks.ignore` took away."""
    seconds: float = 0.0

    @classmethod
    def of(
        cls,
        name: CheckName,
        findings: Iterable[Finding],
        *,
        notes: Sequence[str] = (),
        not_checked: Sequence[str] = (),
        files: int = 0,
        seconds: float = 0.0,
    ) -> Checked:
        """Make the result of a check that ran: one error is enough to fail."""
        ordered = tuple(sorted(set(findings), key=lambda finding: finding.order))
        is_failed = any(finding.severity == "error" for finding in ordered)
        return cls(
            name=name,
            status="failed" if is_failed else "passed",
            findings=ordered,
            notes=tuple(notes),
            not_checked=tuple(not_checked),
            files=files,
            seconds=seconds,
        )


def count(findings: Iterable[Finding], severity: Severity) -> int:
    """Count the findings of one severity."""
    return sum(finding.severity == severity for finding in findings)
