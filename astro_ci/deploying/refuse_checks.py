"""Stop a deploy whose checks failed, before anything is created."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from astro_ci.errors import CheckFailedError
from astro_ci.finding import Checked, CheckName
from astro_ci.reporting.checks.text import counts, place
from astro_ci.text import printable

log = logging.getLogger(__name__)

_LEAVE_OUT = {"parse": "with --no-parse", "pytest": "without --pytest"}


def refuse_failed_checks(
    checks: Sequence[Checked], *, forced: Sequence[str]
) -> tuple[CheckName, ...]:
    """Raise CheckFailedError when a check failed or was not possible; warn of checks in `forced`.

    Returns the checks that failed and were overridden.
    """
    failed = [checked for checked in checks if checked.status in ("failed", "impossible")]
    overridden = [checked for checked in failed if checked.name in forced]
    for checked in overridden:
        log.warning("%s; deploying anyway, as --force says", _reason(checked))
    refused = [checked for checked in failed if checked.name not in forced]
    if refused:
        message = "; ".join(_reason(checked) for checked in refused)
        raise CheckFailedError(message, hint=_hint(refused))
    return tuple(checked.name for checked in overridden)


def _hint(refused: Sequence[Checked]) -> str:
    names = ",".join(checked.name for checked in refused)
    anyway = f"To deploy anyway, use --force {names}."
    if any(checked.status == "failed" for checked in refused):
        return (
            "Correct what the findings name. A finding that is wrong can be silenced with "
            f"checks.ignore in astro-ci.yaml. {anyway}"
        )
    left_out = [_LEAVE_OUT[checked.name] for checked in refused if checked.name in _LEAVE_OUT]
    if not left_out:
        return anyway
    return f"Make the check possible, or deploy {' and '.join(left_out)}. {anyway}"


def _reason(checked: Checked) -> str:
    if checked.status == "impossible":
        return f"the {checked.name} check was not possible: {printable(checked.not_checked[0])}"
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    first = errors[0]
    where = f"{place(first)}: " if first.path else ""
    which = "" if len(errors) == 1 else ", the first of them"
    found = f"the {checked.name} check found {counts(errors)}{which}"
    return f"{found}: {where}{printable(first.message)}"
