"""The one Deployment of a command, and the connection to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from astro_ci.astro.auth import missing_credentials
from astro_ci.configuration.config import Config
from astro_ci.configuration.keys import Setting
from astro_ci.deployments.find import Astro, connect, find_deployment, find_named
from astro_ci.errors import ConfigurationError
from astro_ci.model import Deployment
from astro_ci.terminal.choose import choose_targets
from astro_ci.terminal.picker import picker
from astro_ci.terminal.session import Session
from astro_ci.terminal.settings import read_settings
from astro_ci.text import listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The Deployment, the options that go with it, and the connection that found it."""

    astro: Astro
    config: Config
    deployment: Deployment


def connect_as_given(ctx: click.Context, session: Session) -> tuple[Astro, Config]:
    """Connect with the values of flags and variables. Raises AuthenticationError, ApiError."""
    settings = read_settings(ctx, session.env)
    config = Config(**{name: setting.value for name, setting in settings.items()})
    return _connect(config, session), config


def find_target(
    ctx: click.Context, session: Session, named: str | None, config_file: Path | None
) -> Target:
    """Find the Deployment that the command line names, or the options, or `astro-ci.yaml`.

    Raises ConfigurationError, AuthenticationError, ApiError.
    """
    if named:
        astro, config = connect_as_given(ctx, session)
        found = find_named(astro, named, config.workspace_id)
    else:
        config = _only_config(ctx, session, config_file)
        astro = _connect(config, session)
        is_interactive = session.is_interactive
        found = find_deployment(
            astro,
            config,
            session.env,
            interactive=is_interactive,
            pick=picker(session.prompt) if is_interactive else None,
        )
    return Target(astro=astro, config=config, deployment=found)


def options_for(
    ctx: click.Context, session: Session, config_file: Path | None, deployment: Deployment
) -> Config:
    """The options of a deploy to a Deployment, those of `astro-ci.yaml` included.

    Raises ConfigurationError.
    """
    given = {"deployment_id": deployment.id, "deployment_name": deployment.name}
    found, refusals = [], []
    for name, value in given.items():  # the file may have it either way
        named = {name: Setting(value=value, source="the Deployment")}
        try:
            targets = choose_targets(
                ctx, session, config_file, deploys=True, named=named
            ).choice.targets
        except ConfigurationError as error:
            refusals.append(error)
            continue
        found += [one for one in targets if one.config.deployment_id in (None, deployment.id)]
    if not found:
        raise refusals[0]
    of_the_file = [one for one in found if one.entry]
    return replace(
        (of_the_file or found)[0].config, deployment_id=deployment.id, deployment_name=None
    )


def _only_config(ctx: click.Context, session: Session, config_file: Path | None) -> Config:
    """The options of the one Deployment that the file chooses, where there is a file."""
    choice = choose_targets(ctx, session, config_file, deploys=False).choice
    if len(choice.targets) == 1:
        return choice.targets[0].config
    names = listed([target.label for target in choice.targets])
    raise ConfigurationError(
        f"the configuration file chooses {len(choice.targets)} Deployments: {names}"
        if choice.targets
        else choice.reason,
        hint="Name one Deployment, by its id or its name.",
    )


def _connect(config: Config, session: Session) -> Astro:
    astro = connect(config, session.env)
    if astro is None:
        raise missing_credentials(session.ci.secret_hint)
    return astro
