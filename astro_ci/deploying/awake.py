"""Wait until a Deployment that was told to wake up is awake."""

from __future__ import annotations

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Hibernation, Override
from astro_ci.configuration.config import Config
from astro_ci.deploying.hibernation import described, is_same
from astro_ci.deploying.rollout import FIRST_WAIT_SECONDS, pauses
from astro_ci.deploying.tools import Tools
from astro_ci.errors import DeployTimeoutError, UnavailableError
from astro_ci.model import Deployment
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.text import duration_text


def wait_until_awake(
    client: AstroClient,
    deployment: Deployment,
    ours: Override | None,
    config: Config,
    *,
    tools: Tools,
    console: Console,
) -> Hibernation:
    """Poll until the Deployment is awake; `ours` is the override that wakes it up.

    Raises DeployTimeoutError after `--wake-time`, ApiError, AuthenticationError.
    """
    deadline = tools.now() + config.wake_seconds
    said = ""
    for pause in pauses():
        patient = client.within(max(deadline - tools.now(), FIRST_WAIT_SECONDS))
        try:
            found = patient.get_hibernation(deployment.id)
            if not found.is_hibernating:
                return found
            state = _state(found, ours)
        except UnavailableError as error:
            state = f"Astro does not answer: {error}"
        if state != said:
            console.note(Phase.WAKE, state)
            said = state
        left = deadline - tools.now()
        if left <= 0:
            raise DeployTimeoutError(
                f"Deployment {deployment.name} did not wake up within "
                f"{duration_text(config.wake_seconds)}, and nothing was deployed: {state}",
                hint="Look at the Deployment in Astro; to wait longer, use --wake-time.",
            )
        tools.patience.sleep(min(pause, left))
    raise AssertionError("the pauses never end")


def _state(found: Hibernation, ours: Override | None) -> str:
    reason = f" ({found.status_reason})" if found.status_reason else ""
    state = f"Deployment {found.status}{reason}"
    if is_same(found.override, ours):
        return state
    return f"{state}; somebody changed its override: {described(found.override)}"
