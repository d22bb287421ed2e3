"""The hibernation override of one deploy: set it, restore what was there before, say so.

Loaded only with `--wake`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Hibernation, Override
from astro_ci.configuration.config import Config
from astro_ci.deploying.hibernation import (
    Restoration,
    command,
    described,
    may_override,
    our_override,
    outlives,
    restoration,
    to_restore,
)
from astro_ci.deploying.override import ATTEMPTS, Asking, ChangedOverrideError, change_override
from astro_ci.deploying.progress import AS_IT_WAS, signal_of
from astro_ci.deploying.tools import Tools
from astro_ci.errors import (
    ApiError,
    AstroCIError,
    AuthenticationError,
    CancelledError,
    ConfigurationError,
)
from astro_ci.model import Deployment, DeployResult
from astro_ci.reporting.console import Console
from astro_ci.text import printable

log = logging.getLogger(__name__)

HURRY_SECONDS = 1.5
"""The most that each request may take after a signal: CI systems kill a cancelled job soon."""
MOST_TIMES = 5
"""How often a run sets an override at most, when others remove it each time."""
CancelledBy = Callable[[int], CancelledError]


class OwnOverride(Struct, kw_only=True):
    """The override of this run on its Deployment; there is none until `set`."""

    config: Config
    tools: Tools
    console: Console
    ours: Override | None = None
    """The override of this run, set before the request; None when there is nothing to restore."""
    earlier: Override | None = None
    """The override that was in effect before."""
    asking: Asking | None = None
    """The request that sets `ours`."""
    times: int = 0
    """How often this run has set an override."""
    unrestored: Override | None = None
    """The override of this run that may still be in effect, after a restore that failed."""
    client: AstroClient | None = None
    deployment: Deployment | None = None

    def may_set(self, found: Hibernation) -> bool:
        """Whether this run sets an override of its own for a Deployment that sleeps."""
        return self.times < MOST_TIMES and may_override(found.override, self.ours, self.earlier)

    def set(self, client: AstroClient, deployment: Deployment, found: Hibernation) -> None:
        """Set the override; `found` is what it overrides, and what is restored later.

        Raises ConfigurationError for what --no-wait cannot restore, ApiError, AuthenticationError.
        """
        now, before = self.tools.clock(), (self.ours, self.earlier)
        ours = our_override(
            now, wake_seconds=self.config.wake_seconds, wait_seconds=self.config.wait_seconds
        )
        if not self.config.wait and outlives(found.override, ours):
            raise ConfigurationError(
                f"Deployment {deployment.name} has a hibernation override "
                f"({described(found.override)}), which --wake would have to put back after the "
                "rollout, and --no-wait does not wait for that",
                hint="Leave out --no-wait, or remove the override in Astro.",
            )
        self.console.say(
            f"waking up Deployment {deployment.name}, which hibernates; it may stay "
            f"{described(ours)}"
        )
        self.client, self.deployment = client, deployment
        self.earlier = to_restore(self.ours, found.override, self.earlier, now)
        self.ours = ours
        self.times += 1
        self.asking = Asking(sleep=self.tools.patience.sleep)
        try:
            self.asking.ask(client, deployment, ours, before=found.override)
        except (ApiError, AuthenticationError) as error:
            if error.had_no_effect or isinstance(error, ChangedOverrideError):
                self.ours, self.earlier = before
            raise

    def restore(self, *, is_hurried: bool) -> None:
        """Restore what was there before the deploy, and say so; a failure is a warning."""
        if self.ours is None or self.client is None or self.deployment is None:
            return
        client, sleep = self.client, self.tools.patience.sleep
        if is_hurried:
            client = client.within(HURRY_SECONDS)
        try:
            if self.asking:
                self.asking.stop()
            found = client.get_hibernation(self.deployment.id).override
            what = restoration(self.ours, found, self.earlier, self.tools.clock())
            if what.kind in ("remove", "put back"):
                change_override(
                    client,
                    self.deployment.id,
                    what.wanted,
                    before=found,
                    sleep=sleep,
                    attempts=1 if is_hurried else ATTEMPTS,
                )
            self._tell(what, found)
        except ChangedOverrideError as error:
            self.console.say(f"{error.message}; it stays as it is")
        except (ApiError, AuthenticationError) as error:
            wanted = restoration(self.ours, self.ours, self.earlier, self.tools.clock()).wanted
            log.warning(
                "the hibernation of Deployment %s could not be restored (%s); it may stay %s. To "
                "restore it: %s",
                printable(self.deployment.name),
                error,
                described(self.ours),
                command(self.deployment.id, wanted),
            )
            self.unrestored = self.ours
        self.ours = None

    def leave(self) -> None:
        """Leave the override to its end, as nobody waits for the rollout."""
        if self.ours and self.deployment:
            self.console.say(
                f"Deployment {self.deployment.name} stays {described(self.ours)}, so that it can "
                "roll the deploy out (--no-wait)"
            )
            self.ours = None

    def telling(self, cancelled_by: CancelledBy) -> CancelledBy:
        """Add to the error for a signal that the hibernation is not restored yet."""

        def told(number: int) -> CancelledError:
            error = cancelled_by(number)
            self.explain(error)
            return error

        return told

    def explain(self, error: AstroCIError) -> None:
        """Add to an error that the hibernation may not be restored, if this is so."""
        if left := self.ours or self.unrestored:
            # Its code is unchanged, but the Deployment is not.
            message = error.message.replace(AS_IT_WAS, f"the code of {AS_IT_WAS}")
            error.message = (
                f"{message}; the hibernation of the Deployment may not be restored, which then "
                f"stays {described(left)}"
            )

    def _tell(self, what: Restoration, found: Override | None) -> None:
        assert self.deployment  # noqa: S101 - there is one when something was overridden
        name = self.deployment.name
        if what.kind == "leave":
            self.console.say(
                "another job, or somebody else, has changed the hibernation override of "
                f"Deployment {name} during the deploy; it stays as it is: {described(found)}"
                + self._not_put_back()
            )
        elif what.kind == "put back":
            self.console.say(
                f"restored the hibernation override of Deployment {name}: {described(what.wanted)}"
            )
        elif what.kind == "remove":
            self.console.say(
                f"removed the hibernation override of Deployment {name}: its schedule decides again"
            )

    def _not_put_back(self) -> str:
        """Say which earlier override is lost unless somebody else restores it: a clause."""
        if self.deployment is None or self.earlier is None:
            return ""
        if self.earlier.is_past(self.tools.clock()):
            return ""
        return (
            f". This job does not put the earlier override back ({described(self.earlier)}); if "
            f"nobody else does: {command(self.deployment.id, self.earlier)}"
        )


def restoring(
    own: OwnOverride, act: Callable[[], DeployResult], cancelled_by: CancelledBy
) -> DeployResult:
    """Deploy, and restore the hibernation however that ends.

    `cancelled_by` makes the error for a signal that arrives during the restore.
    """
    try:
        result = act()
    except BaseException as error:
        is_over = isinstance(error, (CancelledError, KeyboardInterrupt))
        _restore(own, cancelled_by, is_hurried=is_over)
        if isinstance(error, AstroCIError):
            own.explain(error)
        raise
    if result.outcome == "deployed" and not own.config.wait:
        own.leave()
    _restore(own, cancelled_by, is_hurried=False)
    return result


def _restore(own: OwnOverride, cancelled_by: CancelledBy, *, is_hurried: bool) -> None:
    try:
        own.restore(is_hurried=is_hurried)
    except KeyboardInterrupt as stop:  # the first signal: nothing interrupts what follows
        own.restore(is_hurried=True)
        error = cancelled_by(signal_of(stop))
        own.explain(error)
        raise error from None
