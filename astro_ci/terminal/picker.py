"""Let the user pick a Deployment at a terminal."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from astro_ci.configuration.config import Config
from astro_ci.deployments.find import Astro
from astro_ci.deployments.listing import list_overviews
from astro_ci.errors import ConfigurationError
from astro_ci.model import Deployment
from astro_ci.planning.running import Overview
from astro_ci.reporting.deployments import numbered_text
from astro_ci.terminal.prompt import EndOfInput, Prompt, Unfit

_QUESTION = "Which Deployment?"


def picker(prompt: Prompt) -> Callable[..., Deployment]:
    """Make a function that lets the user pick a Deployment."""
    return functools.partial(pick, prompt)


def pick(prompt: Prompt, astro: Astro, config: Config, question: str = _QUESTION) -> Deployment:
    """Show the Deployments of the Workspace and ask, by number, name or id.

    Raises ConfigurationError when there is no Deployment, or when the input ends; ApiError.
    """
    found = list_overviews(astro, config.workspace_id or astro.credentials.workspace_id)
    if not found:
        raise ConfigurationError(
            "the credentials can see no Deployment",
            hint="Create a Deployment in Astro first, or use a token that may deploy to it.",
        )
    prompt.show(numbered_text(found, columns=prompt.columns))
    try:
        return prompt.ask_until(
            f"{question} (number, name or id)", lambda answer: chosen(found, answer)
        )
    except EndOfInput as error:
        raise ConfigurationError(
            "no Deployment was chosen: the input ended",
            hint="Answer with a number or a name, or name the Deployment with --deployment-id or "
            "--deployment-name.",
        ) from error


def chosen(found: Sequence[Overview], answer: str) -> Deployment:
    """Read an answer. Raises Unfit unless it fits exactly one Deployment."""
    fits = [
        overview.deployment
        for number, overview in enumerate(found, 1)
        if answer in (str(number), overview.deployment.name, overview.deployment.id)
    ]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise Unfit(f"{len(fits)} Deployments fit this answer. Answer with the id.")
    raise Unfit(f"Answer with a number from 1 to {len(found)}, or with a name from the list.")
