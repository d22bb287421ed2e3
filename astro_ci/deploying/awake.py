"""Wait until a Deployment that was told to wake up is awake."""

from __future__ import annotations

import functools
from collections.abc import Callable

from msgspec import structs

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Hibernation, Override
from astro_ci.configuration.config import Config
from astro_ci.deploying.hibernation import described, is_same
from astro_ci.deploying.tools import Tools
from astro_ci.errors import DeployTimeoutError
from astro_ci.model import Deployment
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.text import duration_text
from astro_ci.web.retry import poll

NOTHING_DEPLOYED = "nothing was deployed"


def wait_until_awake(
    client: AstroClient,
    deployment: Deployment,
    keep_waking: Callable[[Hibernation], Override | None],
    config: Config,
    *,
    tools: Tools,
    console: Console,
    effect: str = NOTHING_DEPLOYED,
) -> Deployment:
    """Poll until the Deployment is awake, and return it with its new status.

    `keep_waking` sees to it that an override wakes the Deployment up, and returns this run's own.
    `effect` says what the run has done so far. Raises DeployTimeoutError after `--wake-time`,
    ApiError, AuthenticationError.
    """
    status = deployment.status

    def look(seconds: float) -> str:
        nonlocal status
        found = client.within(seconds).get_hibernation(deployment.id)
        status = found.status
        return _state(found, keep_waking(found)) if found.is_hibernating else ""

    state = poll(
        look,
        seconds=config.wake_seconds,
        sleep=tools.patience.sleep,
        now=tools.now,
        on_change=functools.partial(console.note, Phase.WAKE),
    )
    if state:
        raise DeployTimeoutError(
            f"Deployment {deployment.name} did not wake up within "
            f"{duration_text(config.wake_seconds)}, and {effect}: {state}",
            hint="Look at the Deployment in Astro; to wait longer, use --wake-time.",
        )
    # What wakes up may be UNHEALTHY for a while, which then is not the deploy's fault.
    return structs.replace(deployment, status=status)


def _state(found: Hibernation, ours: Override | None) -> str:
    reason = f" ({found.status_reason})" if found.status_reason else ""
    state = f"Deployment {found.status}{reason}"
    if is_same(found.override, ours):
        return state
    if found.override is None:
        return f"{state}; somebody removed its override"
    return f"{state}; its override is somebody else's: {described(found.override)}"
