"""Finalize a deploy whose parts have arrived, and wait until the Deployment runs them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from msgspec import structs

from astro_ci.astro.client import AstroClient
from astro_ci.ci import CIContext, system_of
from astro_ci.configuration.config import Config
from astro_ci.deploying.progress import Progress
from astro_ci.deploying.requests import finalize
from astro_ci.deploying.rollout import AsleepError, Rollout, Waiter, refuse_failed
from astro_ci.deploying.tools import Tools
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase

if TYPE_CHECKING:  # loaded with --wake
    from astro_ci.deploying.wake import Waker


def go_live(
    client: AstroClient,
    rollout: Rollout,
    config: Config,
    *,
    ci: CIContext,
    tools: Tools,
    progress: Progress,
    console: Console,
    waker: Waker | None = None,
) -> None:
    """Finalize the deploy, and wait for it unless `--no-wait` is set.

    `waker` wakes a Deployment up that falls asleep before the deploy is live. Raises
    DeployFailedError, DeployTimeoutError, and the errors of `finalize` and of `waker`.
    """
    progress.phase = "finalizing"
    done = finalize(client, rollout, sleep=tools.patience.sleep)
    progress.phase = "finalized"
    console.say(f"finalized deploy {rollout.deploy.id}")
    refuse_failed(done)
    if not config.wait:
        console.say(
            "not waiting until the deploy is live, nor checking whether a later deploy "
            "replaces it (--no-wait)"
        )
        return

    def switch_on_wake() -> str:
        can_help = rollout.deployment.is_development_mode and not config.wake
        return system_of(ci.key).switch_on("wake") if can_help else ""

    waiter = Waiter(
        wait_seconds=config.wait_seconds,
        sleep=tools.patience.sleep,
        now=tools.now,
        on_change=functools.partial(console.note, Phase.ROLLOUT),
        switch_on_wake=switch_on_wake,
    )
    while True:
        try:
            waiter.wait(client, rollout)
            break
        except AsleepError:
            awake = waker and waker.wake_again(client, rollout.deployment, rollout.deploy)
            if not awake:
                raise
            rollout = structs.replace(rollout, deployment=awake)
