"""Ask Astro for the Deployment and its deploys, while the checkout is examined.

This module imports only the modules that the requests need, so that the requests start early.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from msgspec import Struct

from astro_ci.astro.client import DeploysPage
from astro_ci.configuration.config import Config
from astro_ci.deployments.find import Astro, connect, find_deployment
from astro_ci.model import Deployment
from astro_ci.web.ahead import begin
from astro_ci.web.early import close_early
from astro_ci.web.session import Patience


class Connected(Struct, frozen=True, kw_only=True):
    """The chosen Deployment, and the connection that found it."""

    astro: Astro
    deployment: Deployment
    newest: DeploysPage
    """The newest deploys of the Deployment; they may be read moments before the Deployment."""


Asked = Future[Connected | None]
"""The answers to come. Without credentials the result is None. The result raises
AuthenticationError, ApiError, and ConfigurationError for a Deployment that is not found."""


def ask_astro(
    config: Config,
    env: Mapping[str, str],
    *,
    interactive: bool = False,
    patience: Patience | None = None,
) -> Asked:
    """Send the requests in the background."""
    return begin(lambda: _ask(config, env, interactive, patience))


def _ask(
    config: Config, env: Mapping[str, str], interactive: bool, patience: Patience | None
) -> Connected | None:
    try:
        astro = connect(config, env, patience)
        if astro is None:
            return None
        # With the id, the deploys can be requested at the same time as the Deployment.
        named = config.deployment_id
        newest = begin(lambda: astro.client.newest_deploys(named)) if named else None
        found = find_deployment(astro, config, env, interactive=interactive)
        return Connected(
            astro=astro,
            deployment=found,
            newest=newest.result() if newest else astro.client.newest_deploys(found.id),
        )
    finally:
        close_early()
