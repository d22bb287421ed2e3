"""The status of a Deployment at a moment, from the time of its rollout and its hibernation.

A finalized deploy is desired at once, and live when its rollout has ended. There is no timer: each
request calculates the status from the clock.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def settle(deployment: DeploymentRecord, now: float, rollout_seconds: float) -> None:
    """End a creation or a rollout whose time is over.

    A rollout that failed leaves the old bundle live.
    """
    created = deployment.creation_started_at
    if created is not None and now - created >= rollout_seconds:
        deployment.creation_started_at = None
    started = deployment.rollout_started_at
    if started is None or now - started < rollout_seconds:
        return
    deployment.rollout_started_at = None
    deployment.health = deployment.rollout_end
    if deployment.health == "HEALTHY":
        deployment.live_version = deployment.desired_version


def phase(deployment: DeploymentRecord, now: float) -> DeploymentPhase:
    """Return the status of a Deployment that was settled before."""
    if deployment.creation_started_at is not None:
        return DeploymentPhase("CREATING", "The Deployment is being created")
    if is_hibernating(deployment, now):
        return DeploymentPhase("HIBERNATING", "The Deployment is hibernating")
    if deployment.rollout_started_at is not None:
        return DeploymentPhase("DEPLOYING", "A deploy is being rolled out")
    if deployment.health == "UNHEALTHY":
        return DeploymentPhase("UNHEALTHY", "The last deploy did not become healthy")
    return DeploymentPhase("HEALTHY", "Successfully deployed")


def is_hibernating(deployment: DeploymentRecord, now: float) -> bool:
    """Whether a Deployment hibernates: an active override decides, else the schedule."""
    override = deployment.override
    if override and override_is_active(deployment, now) and override.is_hibernating is not None:
        return override.is_hibernating
    return deployment.is_asleep_by_schedule


def override_is_active(deployment: DeploymentRecord, now: float) -> bool:
    """Whether a Deployment has a hibernation override that has not expired."""
    override = deployment.override
    return override is not None and (override.until is None or now < override.until)
