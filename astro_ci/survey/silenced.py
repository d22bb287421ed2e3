"""Remove the findings that the user silenced with `checks.ignore`."""

from __future__ import annotations

from collections.abc import Iterable

from astro_ci.configuration.config import Config
from astro_ci.finding import Checked
from astro_ci.survey.checkout import Checkout


def silenced(checks: Iterable[Checked], config: Config, checkout: Checkout) -> tuple[Checked, ...]:
    """Return the checks without the silenced findings. Raises ConfigurationError, ProjectError."""
    if not config.ignore_findings:
        return tuple(checks)
    from astro_ci.checks.ignore import read_silences, silence  # rarely needed

    entries = read_silences(config.ignore_findings, project=checkout.layout.project)
    return tuple(silence(checked, entries) for checked in checks)
