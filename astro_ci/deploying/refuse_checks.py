"""Stop a deploy whose checks failed, before anything is created."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from astro_ci.errors import CheckFailedError
from astro_ci.finding import Checked
from astro_ci.reporting.checks.text import counts, place
from astro_ci.text import printable

log = logging.getLogger(__name__)


def refuse_failed_checks(checks: Sequence[Checked], *, forced: Sequence[str]) -> None:
    """Raise CheckFailedError when a check failed or was not possible; warn of those in `forced`."""
    failed = [checked for checked in checks if checked.status in ("failed", "impossible")]
    for checked in failed:
        if checked.name in forced:
            log.warning("%s; deploying anyway, as --force says", _reason(checked))
    refused = [checked for checked in failed if checked.name not in forced]
    if not refused:
        return
    raise CheckFailedError(
        "; ".join(_reason(checked) for checked in refused),
        hint="Correct what the findings name. A finding that is wrong can be silenced with "
        "checks.ignore in astro-ci.yaml; to deploy anyway, use --force.",
    )


def _reason(checked: Checked) -> str:
    if checked.status == "impossible":
        return f"the {checked.name} check was not possible: {printable(checked.not_checked[0])}"
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    first = errors[0]
    where = f"{place(first)}: " if first.path else ""
    which = "" if len(errors) == 1 else ", the first of them"
    found = f"the {checked.name} check found {counts(errors)}{which}"
    return f"{found}: {where}{printable(first.message)}"
