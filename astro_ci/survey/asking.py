"""Ask Astro for the Deployment and its deploys, while the checkout is looked at.

Nothing is imported here but what asking needs: the sooner Astro is asked, the sooner it answers.
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
    """The Deployment that is meant, and the connection that found it."""

    astro: Astro
    deployment: Deployment
    newest: DeploysPage
    """The newest of its deploys, maybe read some moments before the Deployment was."""


Asked = Future[Connected | None]
"""Without credentials the result is None. It raises AuthenticationError, ApiError, and
ConfigurationError for a Deployment that cannot be found."""


def ask_astro(
    config: Config,
    env: Mapping[str, str],
    *,
    interactive: bool = False,
    patience: Patience | None = None,
) -> Asked:
    """Begin to ask."""
    return begin(lambda: _ask(config, env, interactive, patience))


def _ask(
    config: Config, env: Mapping[str, str], interactive: bool, patience: Patience | None
) -> Connected | None:
    try:
        astro = connect(config, env, patience)
        if astro is None:
            return None
        # By its id, the deploys can be asked for at the same time.
        named = config.deployment_id
        newest = begin(lambda: astro.client.newest_deploys(named)) if named else None
        found = find_deployment(astro, config, interactive=interactive)
        return Connected(
            astro=astro,
            deployment=found,
            newest=newest.result() if newest else astro.client.newest_deploys(found.id),
        )
    finally:
        close_early()
