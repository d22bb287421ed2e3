"""Handle images that were made, or can be made, without a build, in an attempt."""

from __future__ import annotations

import logging
from pathlib import Path

from astro_ci.errors import RegistryError
from astro_ci.model import Deploy
from astro_ci.reporting.console import Console
from astro_ci.survey.survey import Survey

log = logging.getLogger(__name__)


def may_build_instead(error: RegistryError, console: Console) -> bool:
    """Whether a build may succeed after the push of an image made without a build failed."""
    if not getattr(error, "may_be_built", False):
        return False
    log.warning("the image with the new code layer could not be sent: %s", error.message)
    console.say("planning again, to build the image (--fast auto)")
    return True


def verify(survey: Survey, opened: Deploy, scratch: Path, console: Console) -> list[str] | None:
    """Compare the pushed image with an image made without a build; None when not asked to."""
    fast = survey.plan.fast
    if fast is None or not fast.is_possible or fast.is_chosen:
        return None
    from astro_ci.deploying.fast import compare_with_built

    found = compare_with_built(survey, opened, scratch)
    if not found:
        console.say("--fast verify: the built image has the same code and the same config")
    return found
