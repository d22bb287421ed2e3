"""Connect to Astro, and find the Organization and the chosen Deployment."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import islice

from msgspec import Struct

from astro_ci.astro.auth import Credentials, find_credentials, read_claims, session_domain
from astro_ci.astro.client import AstroClient, list_organization_ids
from astro_ci.astro.endpoint import Endpoint, find_endpoint
from astro_ci.ci import system_in
from astro_ci.configuration.config import Config
from astro_ci.errors import ApiError, AuthenticationError, ConfigurationError, NotFoundError
from astro_ci.model import Deployment
from astro_ci.text import excerpt, listed, printable
from astro_ci.web.auth import BearerAuth, NoAuth
from astro_ci.web.http import Http
from astro_ci.web.session import Patience

log = logging.getLogger(__name__)


class Astro(Struct, frozen=True, kw_only=True):
    """A connection with credentials, which Astro may not have checked yet."""

    client: AstroClient
    credentials: Credentials
    endpoint: Endpoint

    def deployment_url(self, deployment: Deployment) -> str:
        """Return the URL of the Deployment's page."""
        return self.endpoint.deployment_url(deployment.workspace_id, deployment.id)


def connect(
    config: Config, env: Mapping[str, str], patience: Patience | None = None
) -> Astro | None:
    """Open the connection, and log the source of the credentials; None without credentials.

    Raises AuthenticationError for credentials that are malformed or expired, ApiError.
    """
    endpoint, credentials = find_access(env, patience)
    if credentials is None:
        return None
    source = f"{credentials.kind}, from {credentials.source}"
    log.info("credentials: %s", source, extra={"once": True})
    if credentials.notice:
        log.warning("%s", credentials.notice)
    return connect_with(config, endpoint, credentials, patience)


def find_access(
    env: Mapping[str, str], patience: Patience | None = None
) -> tuple[Endpoint, Credentials | None]:
    """Find Astro's endpoint and the credentials; only a Deployment API key is sent to Astro."""
    endpoint = find_endpoint(env, domain=session_domain(env))
    credentials = find_credentials(
        env, login=lambda: Http(endpoint.api_url, NoAuth(), patience), domain=endpoint.domain
    )
    return endpoint, credentials


def connect_with(
    config: Config, endpoint: Endpoint, credentials: Credentials, patience: Patience | None = None
) -> Astro:
    """Open the connection to the configured Organization, else to that of the credentials.

    Raises ApiError.
    """
    http = Http(endpoint.api_url, BearerAuth(credentials.token), patience)
    organization_id = (
        config.organization_id or credentials.organization_id or _only_organization(http)
    )
    client = AstroClient(http, organization_id)
    return Astro(client=client, credentials=credentials, endpoint=endpoint)


Pick = Callable[[Astro, Config], Deployment]
"""Lets the user pick a Deployment at a terminal."""


def find_deployment(
    astro: Astro,
    config: Config,
    env: Mapping[str, str],
    *,
    interactive: bool,
    pick: Pick | None = None,
) -> Deployment:
    """Find the Deployment that the options name: exactly one, or an error.

    Without a name, the only visible Deployment is used in two cases: with a Deployment API key,
    which belongs to one Deployment, and on a terminal, where the user sees the Deployment's name.
    `pick` asks the user to choose among several; `env` tells the CI system, for the hint.
    Raises ConfigurationError, ApiError.
    """
    if config.deployment_id:
        return _by_id(astro, config.deployment_id)
    if config.deployment_name:
        return _by_name(astro, config.deployment_name, config.workspace_id)
    found = list(islice(_in_workspace(astro, config.workspace_id), 50))
    if len(found) == 1 and (interactive or astro.credentials.kind == "Deployment API key"):
        only = f"{found[0].name} ({found[0].id})"
        log.info("Deployment: %s, the only one in view", only, extra={"once": True})
        return found[0]
    if pick and found:
        return pick(astro, config)
    names = listed([f"{d.name} ({d.id})" for d in found])
    raise ConfigurationError(
        f"no Deployment is named, and the credentials can see {len(found) or 'no'} "
        f"Deployment{'' if len(found) == 1 else 's'}" + (f": {names}" if found else ""),
        hint="Name a Deployment with --deployment-id or ASTRO_DEPLOYMENT_ID. "
        f"{system_in(env).variable_hint}",
    )


def find_named(astro: Astro, text: str, workspace_id: str | None) -> Deployment:
    """Find the Deployment for a command-line argument, which is an id or a name.

    Raises ConfigurationError, ApiError.
    """
    if re.fullmatch(r"c[a-z0-9]{20,}", text):
        with suppress(NotFoundError):
            return astro.client.get_deployment(text)
    return _by_name(astro, text, workspace_id)


def _by_id(astro: Astro, deployment_id: str) -> Deployment:
    try:
        return astro.client.get_deployment(deployment_id)
    except ApiError as error:
        owner = _owner_of_token(astro) if error.status in (403, 404) else ""
        if not owner and error.status != 404:
            raise
        raise NotFoundError(
            f"there is no Deployment {deployment_id} that these credentials can see",
            hint=_other_owner_hint(owner)
            or "Copy the id from the Deployment's page in Astro, or use --deployment-name for a "
            "name. Check that the token belongs to the same Organization and Workspace.",
            status=error.status,
            request_id=error.request_id,
        ) from error


def _owner_of_token(astro: Astro) -> str:
    """Return the name and id of the token's only Deployment; empty for other tokens."""
    claims = read_claims(astro.credentials.token())
    owner = claims.named("deploymentId") if claims else None
    if owner is None:
        return ""
    try:
        return f"{printable(astro.client.get_deployment(owner).name)} ({owner})"
    except (ApiError, AuthenticationError):  # the id is sufficient
        return owner


def _other_owner_hint(owner: str) -> str:
    if not owner:
        return ""
    return (
        f"The token belongs to Deployment {owner} and sees no other. Use a token of the Deployment "
        "to deploy to, or of its Workspace."
    )


def _by_name(astro: Astro, name: str, workspace_id: str | None) -> Deployment:
    workspaces = [workspace_id] if workspace_id else []
    listing = astro.client.list_deployments(names=[name], workspace_ids=workspaces)
    found = [deployment for deployment in listing if deployment.name == name]
    if len(found) == 1:
        return found[0]
    if not found:
        others = [d.name for d in islice(_in_workspace(astro, workspace_id), 50)]
        raise ConfigurationError(
            f"no Deployment is named '{excerpt(name)}'",
            hint=_other_owner_hint(_owner_of_token(astro))
            or f"Use one that these credentials see: {listed(sorted(others)) or 'none'}.",
        )
    raise ConfigurationError(
        f"{len(found)} Deployments are named '{excerpt(name)}': {listed([d.id for d in found])}",
        hint="Name the right Deployment by its id, with --deployment-id.",
    )


def _in_workspace(astro: Astro, workspace_id: str | None) -> Iterator[Deployment]:
    return astro.client.list_deployments(workspace_ids=[workspace_id] if workspace_id else [])


def _only_organization(http: Http) -> str:
    found = list_organization_ids(http)
    if len(found) == 1:
        return found[0]
    raise ConfigurationError(
        f"the credentials can see {len(found) or 'no'} Organizations"
        + (f": {listed(found)}" if found else ""),
        hint="Name the right Organization with ASTRO_ORGANIZATION_ID.",
    )
