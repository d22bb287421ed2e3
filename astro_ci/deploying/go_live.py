"""Finalize a deploy whose parts have arrived, and wait until the Deployment runs them."""

from __future__ import annotations

import functools

from astro_ci.astro.client import AstroClient
from astro_ci.ci import CIContext, system_of
from astro_ci.configuration.config import Config
from astro_ci.deploying.progress import Progress
from astro_ci.deploying.requests import finalize
from astro_ci.deploying.rollout import Rollout, Waiter, refuse_failed
from astro_ci.deploying.tools import Tools
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase


def go_live(
    client: AstroClient,
    rollout: Rollout,
    config: Config,
    *,
    ci: CIContext,
    tools: Tools,
    progress: Progress,
    console: Console,
) -> None:
    """Finalize the deploy, and wait for it unless `--no-wait` is set.

    Raises DeployFailedError, DeployTimeoutError, and the errors of `finalize`.
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

    Waiter(
        wait_seconds=config.wait_seconds,
        sleep=tools.patience.sleep,
        now=tools.now,
        on_change=functools.partial(console.note, Phase.ROLLOUT),
        switch_on_wake=switch_on_wake,
    ).wait(client, rollout)
