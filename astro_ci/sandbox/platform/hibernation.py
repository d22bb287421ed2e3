"""Hibernation: who sleeps at a moment, and when a Deployment that wakes up is awake.

A Deployment that sleeps, or is still waking up, takes deploys in and runs none of them.
"""

from __future__ import annotations

from astro_ci.sandbox.store.state import DeploymentRecord, Override


def set_override(deployment: DeploymentRecord, override: Override | None, now: float) -> None:
    """Set a hibernation override, or remove it; one whose end is past was never in effect."""
    if override and override.until is not None:
        override.is_over = override.until <= now
    deployment.override = override


def override_is_active(deployment: DeploymentRecord, now: float) -> bool:
    """Whether a Deployment has a hibernation override that has not run out."""
    override = deployment.override
    if override is None or override.is_over:
        return False
    return override.until is None or now < override.until


def ended_at(deployment: DeploymentRecord, now: float) -> float | None:
    """Return when an override ran out that nobody has noticed yet; None without one."""
    override = deployment.override
    if override is None or override.is_over or override_is_active(deployment, now):
        return None
    return override.until


def is_meant_to_sleep(deployment: DeploymentRecord) -> bool:
    """Whether a Deployment is to sleep: an override decides, else the schedule."""
    override = deployment.override
    if override and not override.is_over and override.is_hibernating is not None:
        return override.is_hibernating
    return deployment.is_asleep_by_schedule


def awake_since(deployment: DeploymentRecord, now: float, wake_seconds: float) -> float | None:
    """Fall asleep or wake up, as is meant at this moment.

    Returns when a Deployment that slept was awake, and None for one that sleeps or has not slept.
    """
    if is_meant_to_sleep(deployment):
        deployment.is_asleep, deployment.waking_since = True, None
        return None
    if not deployment.is_asleep:
        return None
    if deployment.waking_since is None:
        deployment.waking_since = now
    awake = deployment.waking_since + wake_seconds
    if now < awake:
        return None
    deployment.is_asleep, deployment.waking_since = False, None
    return awake
