"""The status of a Deployment at a moment, from the time of its rollout and its hibernation.

A finalized deploy is desired at once, and live when its rollout has ended, which begins when the
Deployment is awake. There is no timer: each request calculates the status from the clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from astro_ci.sandbox.platform.hibernation import awake_since, ended_at, is_meant_to_sleep
from astro_ci.sandbox.store.state import DeploymentRecord


@dataclass(frozen=True, slots=True)
class DeploymentPhase:
    """The status of a Deployment, in the API's words, and its reason."""

    status: str
    reason: str


def start_rollout(deployment: DeploymentRecord, now: float) -> None:
    """Start to roll out the desired state; a rollout in progress starts again."""
    deployment.rollout_started_at = now
    deployment.rollout_end = deployment.next_rollout_end
    deployment.next_rollout_end = "HEALTHY"


def settle(
    deployment: DeploymentRecord, now: float, *, rollout_seconds: float, wake_seconds: float
) -> None:
    """End a creation, a rollout, an override or a sleep whose time is over.

    A rollout that failed leaves the old bundle live.
    """
    created = deployment.creation_started_at
    if created is not None and now - created >= rollout_seconds:
        deployment.creation_started_at = None
    end = ended_at(deployment, now)
    if end is not None and deployment.override:
        # Time passes in steps, as what runs until the override ends may be asleep afterwards.
        _advance(deployment, end, rollout_seconds, wake_seconds)
        deployment.override.is_over = True
        _advance(deployment, end, rollout_seconds, wake_seconds)
    _advance(deployment, now, rollout_seconds, wake_seconds)


def _advance(
    deployment: DeploymentRecord, now: float, rollout_seconds: float, wake_seconds: float
) -> None:
    """Bring a Deployment to a moment, to which nobody has changed what is meant."""
    if not deployment.is_asleep:
        _end_rollout(deployment, now, rollout_seconds)
    awake = awake_since(deployment, now, wake_seconds)
    if awake is not None and deployment.rollout_started_at is not None:
        deployment.rollout_started_at = awake
        _end_rollout(deployment, now, rollout_seconds)


def _end_rollout(deployment: DeploymentRecord, now: float, rollout_seconds: float) -> None:
    started = deployment.rollout_started_at
    if started is None or now - started < rollout_seconds:
        return
    deployment.rollout_started_at = None
    deployment.health = deployment.rollout_end
    if deployment.health == "HEALTHY":
        deployment.live_version = deployment.desired_version


def phase(deployment: DeploymentRecord) -> DeploymentPhase:
    """Return the status of a Deployment that was settled before."""
    if deployment.creation_started_at is not None:
        return DeploymentPhase("CREATING", "The Deployment is being created")
    if deployment.is_asleep:
        doing = "hibernating" if is_meant_to_sleep(deployment) else "waking up"
        return DeploymentPhase("HIBERNATING", f"The Deployment is {doing}")
    if deployment.rollout_started_at is not None:
        return DeploymentPhase("DEPLOYING", "A deploy is being rolled out")
    if deployment.health == "UNHEALTHY":
        return DeploymentPhase("UNHEALTHY", "The last deploy did not become healthy")
    return DeploymentPhase("HEALTHY", "Successfully deployed")
