"""Wait until the Deployment runs a finalized deploy, or another deploy has replaced it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.errors import DeployFailedError, DeployTimeoutError
from astro_ci.model import Deploy, Deployment
from astro_ci.web.retry import poll

UNHEALTHY_GRACE_SECONDS = 30.0
"""The time that a Deployment may be UNHEALTHY while its pods are replaced."""
_WITHOUT_WAITING = "To deploy to a hibernating Deployment without waiting, use --no-wait."


class AsleepError(DeployTimeoutError):
    """The Deployment hibernates, and takes the deploy in when it wakes up."""


class Rollout(Struct, frozen=True, kw_only=True):
    """The versions that must become live; None or empty for a part that this deploy lacks."""

    deployment: Deployment
    """The Deployment before the deploy."""
    deploy: Deploy
    bundle_version: str | None
    image_tag: str | None


class Waiter(Struct, frozen=True, kw_only=True):
    """How to wait. `on_change` gets a line whenever the state of the Deployment changes."""

    wait_seconds: float
    sleep: Callable[[float], None]
    now: Callable[[], float]
    on_change: Callable[[str], None]
    switch_on_wake: Callable[[], str] = lambda: ""
    """Says how to switch `--wake` on: a clause, empty where that would be no help."""

    def wait(self, client: AstroClient, rollout: Rollout) -> None:
        """Poll until this deploy is live.

        Raises DeployFailedError when Astro reports that the deploy failed or the Deployment becomes
        UNHEALTHY, DeployTimeoutError when the time is up, AsleepError.
        """
        unhealthy_since: float | None = None

        def look(seconds: float) -> str:
            nonlocal unhealthy_since
            impatient = client.within(seconds)
            deployment = impatient.get_deployment(rollout.deployment.id)
            deploy = impatient.get_deploy(rollout.deployment.id, rollout.deploy.id)
            refuse_failed(deploy)
            if is_live(rollout, deploy, deployment):
                return ""
            refuse_asleep(rollout, deploy, deployment, self.switch_on_wake)
            if superseding := _superseding(impatient, rollout, deploy, deployment):
                self.on_change(f"deploy {superseding.id} has already replaced this deploy")
                return ""
            unhealthy_since = self._unhealthy_since(deployment, rollout, unhealthy_since)
            return _describe(deployment, rollout)

        state = poll(
            look,
            seconds=self.wait_seconds,
            sleep=self.sleep,
            now=self.now,
            on_change=self.on_change,
        )
        if state:
            raise DeployTimeoutError(
                f"deploy {rollout.deploy.id} was accepted, but is not live after "
                f"{self.wait_seconds:.0f} seconds: {state}",
                hint="Look at the Deployment in Astro, as the deploy may still go live; to "
                "wait longer, use --wait-time.",
            )

    def _unhealthy_since(
        self, deployment: Deployment, rollout: Rollout, since: float | None
    ) -> float | None:
        """Return the time since which the Deployment is UNHEALTHY; None when it is healthy.

        Raises DeployFailedError when that has lasted too long. A Deployment that was UNHEALTHY
        before this deploy has the whole waiting time to recover.
        """
        if deployment.status != "UNHEALTHY" or rollout.deployment.status == "UNHEALTHY":
            return None
        since = self.now() if since is None else since
        if self.now() - since >= min(UNHEALTHY_GRACE_SECONDS, self.wait_seconds / 2):
            raise DeployFailedError(
                f"the Deployment turned UNHEALTHY after deploy {rollout.deploy.id}"
                + (f": {deployment.status_reason}" if deployment.status_reason else ""),
                hint="Look at the Deployment's logs in Astro; to restore the previous version, "
                "roll back to the previous deploy in Astro.",
            )
        return since


def is_live(rollout: Rollout, deploy: Deploy, deployment: Deployment) -> bool:
    """Whether the Deployment runs this deploy, and not another one."""
    return (
        deploy.status == "DEPLOYED"
        and deployment.status == "HEALTHY"
        and rollout.bundle_version in (None, deployment.dag_tarball_version)
        and rollout.image_tag in (None, deployment.image_tag)
    )


def refuse_asleep(
    rollout: Rollout, deploy: Deploy, deployment: Deployment, switch_on_wake: Callable[[], str]
) -> None:
    """Raise AsleepError when a hibernating Deployment will not change until it wakes up."""
    if (
        deployment.status == "HIBERNATING"
        and deploy.status == "DEPLOYED"
        and rollout.bundle_version in (None, deployment.running_bundle_version)
        and rollout.image_tag in (None, deployment.image_tag)
    ):
        switch = switch_on_wake()
        raise AsleepError(
            f"deploy {deploy.id} was accepted, but is not live: the Deployment is hibernating, and "
            "runs the deploy when it wakes up",
            hint=f"To wake the Deployment up for the deploy, {switch}; or wake it up in Astro. "
            f"{_WITHOUT_WAITING}"
            if switch
            else f"Wake the Deployment up in Astro. {_WITHOUT_WAITING}",
        )


def _superseding(
    client: AstroClient, rollout: Rollout, deploy: Deploy, deployment: Deployment
) -> Deploy | None:
    """Return a newer deploy that replaced this one before it was seen live."""
    wanted = deployment.running_bundle_version
    moved_on = rollout.bundle_version not in (None, wanted) or rollout.image_tag not in (
        None,
        deployment.image_tag,
    )
    if not moved_on or deploy.status != "DEPLOYED":
        return None
    done = [d for d in client.list_deploys(deployment.id) if d.status == "DEPLOYED"]
    if done and done[0].id != deploy.id:  # the newest
        return done[0]
    before = rollout.deployment
    if (wanted, deployment.image_tag) == (before.running_bundle_version, before.image_tag):
        return None  # this deploy is not applied yet
    # A deploy that was created earlier may have been finalized later.
    return next((d for d in done if d.id != deploy.id and _is_running(d, deployment)), None)


def _is_running(deploy: Deploy, deployment: Deployment) -> bool:
    """Whether the Deployment runs, or is applying, the versions of this deploy."""
    brought = {deploy.image_tag, deploy.dag_tarball_version} - {""}
    return bool(brought & {deployment.image_tag, deployment.running_bundle_version})


def refuse_failed(deploy: Deploy) -> None:
    """Raise DeployFailedError when Astro reports that the deploy failed."""
    if deploy.status == "FAILED":
        raise DeployFailedError(
            f"Astro reports that deploy {deploy.id} failed",
            hint="Look at the Deployment's logs in Astro, and run the job again.",
        )


def _describe(deployment: Deployment, rollout: Rollout) -> str:
    reason = f" ({deployment.status_reason})" if deployment.status_reason else ""
    waits = []
    if rollout.image_tag not in (None, deployment.image_tag):
        waits.append(f"image tag {deployment.image_tag or 'none'}, not yet {rollout.image_tag}")
    if rollout.bundle_version not in (None, deployment.dag_tarball_version):
        waits.append(f"bundle version not yet {rollout.bundle_version}")
    return "; ".join([f"Deployment {deployment.status}{reason}", *waits])
