"""Wake a hibernating Deployment up for a deploy, and again when it falls asleep too early.

Loaded only with `--wake`.
"""

from __future__ import annotations

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Hibernation, Override
from astro_ci.deploying.awake import NOTHING_DEPLOYED, wait_until_awake
from astro_ci.deploying.hibernation import described, is_same, wakes
from astro_ci.deploying.own_override import OwnOverride
from astro_ci.model import Deploy, Deployment
from astro_ci.reporting.phases import Phase


class Waker(Struct, frozen=True):
    """Keeps a Deployment awake during one deploy."""

    own: OwnOverride

    def wake(self, client: AstroClient, deployment: Deployment) -> Deployment:
        """Wake the Deployment up if it hibernates, and return it with its new status.

        Raises DeployTimeoutError when that takes too long, ConfigurationError, ApiError,
        AuthenticationError.
        """
        found = client.get_hibernation(deployment.id)
        if not found.is_development_mode:
            self.own.console.say(
                f"nothing to wake up: Deployment {deployment.name} is not in development mode, and "
                "only such Deployments hibernate (--wake)"
            )
            return deployment
        self._tell_of_another(found, deployment)
        if not found.is_hibernating:
            return deployment
        return self._wake(client, deployment, found, NOTHING_DEPLOYED)

    def wake_again(
        self, client: AstroClient, deployment: Deployment, deploy: Deploy
    ) -> Deployment | None:
        """Wake up a Deployment that fell asleep after it accepted the deploy, as `wake` does.

        Another job may have ended, and restored the hibernation. Returns None when somebody has
        sent the Deployment to sleep during the deploy, or when it falls asleep again and again.
        """
        found = client.get_hibernation(deployment.id)
        if found.is_hibernating and not wakes(found.override) and not self.own.may_set(found):
            return None
        self.own.console.say(
            f"Deployment {deployment.name} fell asleep before the deploy was live "
            f"({described(found.override)}), perhaps because another job has restored its "
            "hibernation; this job wakes it up again"
        )
        effect = f"deploy {deploy.id} was accepted, and goes live when the Deployment wakes up"
        return self._wake(client, deployment, found, effect)

    def _wake(
        self, client: AstroClient, deployment: Deployment, found: Hibernation, effect: str
    ) -> Deployment:
        def keep_waking(seen: Hibernation) -> Override | None:
            if self.own.may_set(seen):
                self.own.set(client, deployment, seen)
            return self.own.ours

        with self.own.console.phase(Phase.WAKE):
            if found.is_hibernating:
                keep_waking(found)
            awake = wait_until_awake(
                client,
                deployment,
                keep_waking,
                self.own.config,
                tools=self.own.tools,
                console=self.own.console,
                effect=effect,
            )
        self.own.console.did(Phase.WAKE, f"Deployment {deployment.name} is awake")
        return awake

    def _tell_of_another(self, found: Hibernation, deployment: Deployment) -> None:
        """Say that an override with an end, such as another job's, is what the deploy relies on."""
        other = found.override
        if other is None or not wakes(other) or other.ends_at is None:
            return
        if is_same(other, self.own.ours):
            return
        self.own.console.say(
            f"Deployment {deployment.name} is {'waking up' if found.is_hibernating else 'awake'} "
            f"by an override that this job has not set ({described(other)}), such as another "
            "job's, and that stays as it is; if the Deployment falls asleep before the deploy is "
            + (
                "live, this job wakes it up again"
                if self.own.config.wait
                else "live, the deploy goes live when the Deployment wakes up (--no-wait)"
            )
        )
