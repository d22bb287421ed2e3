"""`plan`: what would be deployed, and why."""

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

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.checks.static.process import Reader


def plan(config: Config, env: Mapping[str, str], *, interactive: bool = False) -> Plan:
    """Say what `deploy` would do. This changes nothing and does not require credentials.

    Raises AstroCIError: whatever would make `deploy` fail before it builds anything.
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
    """Plan for a chosen Deployment; the Plan takes over the assumptions of the choice.

    `reader` is for the static check, when it was started ahead; `written` are files of the run
    itself.
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
