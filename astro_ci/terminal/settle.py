"""Ask for the Deployment of a run, when nothing names one and a user is at the terminal.

The answer is saved only with --save. Few modules are imported here, because most runs name their
Deployment.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from astro_ci.configuration.keys import Setting
from astro_ci.errors import ConfigurationError

if TYPE_CHECKING:  # loaded when it is needed
    from astro_ci.configuration.choice import Target
    from astro_ci.configuration.config import Config
    from astro_ci.model import Deployment
    from astro_ci.survey.targets import FoundTargets
    from astro_ci.terminal.session import Session

ANSWER = "your answer"
"""The source of the value, for `config` and for the command after a plan."""


def settle(session: Session, found: FoundTargets, *, save: bool = False) -> Sequence[Target]:
    """Let the user pick the Deployment when nothing names one and a user can answer.

    With `save` write the Deployment to `astro-ci.yaml`. Raises AstroCIError.
    """
    targets = found.choice.targets
    if save and len(targets) != 1:
        raise ConfigurationError(
            f"--save needs exactly one Deployment, and this run has {len(targets) or 'none'}",
            hint="Name the Deployment to save, or leave out --save.",
        )
    config = targets[0].config if len(targets) == 1 else None
    is_named = config is None or config.deployment_id or config.deployment_name
    if config is None or not (save or (session.is_interactive and not is_named)):
        return targets
    deployment = _saved(session, found, config) if save else _picked(session, config)
    if deployment is None:  # without credentials, a plan lists its assumptions
        return targets
    setting = Setting(value=deployment.id, source=ANSWER)
    settings = {k: v for k, v in targets[0].settings.items() if k != "deployment_name"}
    return [
        structs.replace(
            targets[0],
            config=dataclasses.replace(config, deployment_id=deployment.id, deployment_name=None),
            settings={**settings, "deployment_id": setting},
        )
    ]


def _picked(session: Session, config: Config) -> Deployment | None:
    from astro_ci.deployments.find import connect, find_deployment
    from astro_ci.terminal.picker import picker

    astro = connect(config, session.env)
    if astro is None:
        return None
    return find_deployment(
        astro,
        config,
        session.env,
        interactive=session.is_interactive,
        pick=picker(session.prompt) if session.is_interactive else None,
    )


def _saved(session: Session, found: FoundTargets, config: Config) -> Deployment:
    from astro_ci.astro.auth import missing_credentials
    from astro_ci.configuration.save import find_place, save_deployment
    from astro_ci.git import GitRepo

    place = find_place(found.file, config.project)
    branch = GitRepo.open(config.project, session.env).branch()
    if branch is None:
        raise ConfigurationError(
            "--save writes the branch that deploys to the Deployment, and no branch is checked out",
            hint="Check out that branch, or leave out --save.",
        )
    deployment = _picked(session, config)
    if deployment is None:
        raise missing_credentials(session.ci.secret_hint)
    is_by_id = config.deployment_id or not config.deployment_name
    key = deployment.name
    save_deployment(place, key=key, deployment_id=deployment.id if is_by_id else "", branch=branch)
    session.console.say(f"saved in {place.name}: branch {branch} goes to {deployment.name}")
    return deployment
