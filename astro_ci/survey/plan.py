"""Make the Plan that `plan` prints: what would be deployed, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from astro_ci.ci import CIContext
from astro_ci.configuration.choice import Target
from astro_ci.configuration.config import Config
from astro_ci.model import Plan
from astro_ci.survey.image import image_source
from astro_ci.survey.survey import survey

if TYPE_CHECKING:  # imported only for type checks
    from astro_ci.checks.static.process import Reader


def plan(config: Config, env: Mapping[str, str], *, interactive: bool = False) -> Plan:
    """Return the Plan on which `deploy` would act, without changing anything.

    Credentials are optional. Raises the AstroCIError with which `deploy` would fail before a build.
    """
    with image_source(config, env) as image:
        return survey(config, env, interactive=interactive, image=image).plan


def plan_target(
    target: Target,
    env: Mapping[str, str],
    ci: CIContext,
    *,
    interactive: bool = False,
    reader: Reader | None = None,
    written: Collection[Path] = (),
) -> Plan:
    """Plan for a chosen Deployment; the Plan includes the assumptions of the choice.

    `reader` is for the static check, if its process was started earlier; `written` are files that
    this run writes.
    """
    with image_source(target.config, env) as image:
        found = survey(
            target.config,
            env,
            ci=ci,
            interactive=interactive,
            image=image,
            reader=reader,
            written=written,
        ).plan
    notes = (target.note,) if target.note else ()
    return replace(found, assumptions=(*notes, *found.assumptions))
