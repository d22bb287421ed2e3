"""Prepare the deploy that must follow when DAG-only deploys were switched on or off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.errors import ConfigurationError
from astro_ci.model import DeployType, Request
from astro_ci.survey.engine import connect_engine
from astro_ci.survey.image import image_source
from astro_ci.survey.survey import survey


def follow_up_config(config: Config) -> Config:
    """Return the options of the deploy, which ships image and DAGs in both cases.

    After DAG-only deploys were enabled, the Deployment has no bundle, and Astro requires a full
    deploy first. After they were disabled, the running image may hold no DAGs.
    """
    return replace(config, requested=Request.IMAGE_AND_DAGS, requested_as="")


def refuse_impossible(config: Config, env: Mapping[str, str], ci: CIContext) -> None:
    """Plan the deploy and connect to an engine, before the switch.

    Raises AstroCIError when the deploy would fail, or would be skipped.
    """
    with image_source(config, env) as image:
        plan = survey(config, env, ci=ci, needs_credentials=True, image=image).plan
    refuse_failed_checks(plan.checks, forced=config.force)
    if plan.deploy_type is DeployType.NONE:
        raise ConfigurationError(
            "the deploy that has to follow would be skipped, so nothing was changed: "
            f"{plan.reason}",
            hint="Check out the version to deploy, or override the guard that the reason names.",
        )
    connect_engine(env).close()
