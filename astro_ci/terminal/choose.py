"""Find the Deployments, or the project, that a command line and its variables choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from astro_ci.configuration.keys import Settings
from astro_ci.survey.targets import FoundTargets, find_project_settings, find_targets
from astro_ci.terminal.commas import warn_of_commas
from astro_ci.terminal.session import Session
from astro_ci.terminal.settings import read_settings


def choose_targets(
    ctx: click.Context,
    session: Session,
    config_file: Path | None,
    *,
    deploys: bool,
    named: Settings | None = None,
) -> FoundTargets:
    """Find the Deployments of this run; `named` overrides all other names of a Deployment.

    Raises ConfigurationError.
    """
    settings = read_settings(ctx, session.env)
    if named:
        others = {k: v for k, v in settings.items() if not k.startswith("deployment_")}
        settings = {**others, **named}
    found = find_targets(
        settings, session.env, session.ci, config_file=config_file, deploys=deploys
    )
    if not named:
        warn_of_commas(target.settings for target in found.choice.targets)
    return found


def choose_project(
    ctx: click.Context, session: Session, config_file: Path | None
) -> dict[str, Any]:
    """Find the project and its DAGs directory, for a verb that needs no Deployment.

    Raises ConfigurationError when the file has several projects and none is chosen.
    """
    return find_project_settings(read_settings(ctx, session.env), config_file=config_file)
