"""Hide the secrets of a deploy: its credentials, the build's secrets, the upload URL."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from astro_ci.configuration.config import Config
from astro_ci.image.user_config import registry_logins
from astro_ci.model import Deploy
from astro_ci.reporting.console import Console
from astro_ci.reporting.redact import Redactor
from astro_ci.reporting.secret_texts import basic_login, is_secret_name

if TYPE_CHECKING:  # imported while git runs, because the import takes time
    from astro_ci.astro.auth import Credentials


def hide_build_secrets(redactor: Redactor, config: Config, env: Mapping[str, str]) -> None:
    """Hide the build's secrets, registry logins, and arguments or cache fields of secret names."""
    arguments = (argument.partition("=") for argument in config.build_args)
    places = ",".join((*config.cache_from, *config.cache_to)).split(",")
    fields = (field.strip('" ').partition("=") for field in places)
    redactor.suspect(
        *(value for name, _, value in arguments if is_secret_name(name)),
        *(value for name, _, value in fields if is_secret_name(name)),
    )
    if config.build_secrets:
        from astro_ci.image.building.secrets import secret_texts

        redactor.suspect(*secret_texts(config.build_secrets, env))
    for login in registry_logins(env):
        redactor.learn(login, *basic_login(login))


def hide_credentials(console: Console, credentials: Credentials, *, uses_registry: bool) -> None:
    """Hide the token, even when the CI system does not know the token as a secret."""
    token = credentials.token()
    console.redactor.learn(token)
    if credentials.kind == "Deployment API key":
        # The CI system knows the key as a secret, but not the token that the key was exchanged for.
        console.mask(token)
    if uses_registry:
        # The form in HTTP basic authentication, which an error message of a proxy may quote.
        console.mask(base64.b64encode(f"cli:{token}".encode()).decode())


def hide_upload(console: Console, opened: Deploy) -> None:
    """Hide the upload URL of the bundle: anyone who has the URL can write the bundle."""
    if opened.dags_upload_url:
        console.mask(opened.dags_upload_url)
        for signature in parse_qs(urlsplit(opened.dags_upload_url).query).get("sig", []):
            console.mask(signature)
