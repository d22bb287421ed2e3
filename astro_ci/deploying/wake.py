"""Wake a hibernating Deployment up for a deploy, and restore its hibernation afterwards.

Loaded only with `--wake`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait

from msgspec import Struct, structs

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Hibernation, Override
from astro_ci.configuration.config import Config
from astro_ci.deploying.awake import wait_until_awake
from astro_ci.deploying.hibernation import (
    Restoration,
    command,
    described,
    our_override,
    outlives,
    restoration,
)
from astro_ci.deploying.override import ATTEMPTS, ChangedOverrideError, change_override
from astro_ci.deploying.progress import AS_IT_WAS, signal_of
from astro_ci.deploying.side_by_side import AbandonedError
from astro_ci.deploying.tools import Tools
from astro_ci.errors import (
    ApiError,
    AstroCIError,
    AuthenticationError,
    CancelledError,
    ConfigurationError,
    UnavailableError,
)
from astro_ci.model import Deployment, DeployResult
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.text import printable
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)

HURRY_SECONDS = 1.5
"""The most that each request may take after a signal: CI systems kill a cancelled job soon."""
ASKING_SECONDS = 2.5
"""The time for a request that a signal overtook."""
CancelledBy = Callable[[int], CancelledError]


class Waker(Struct, kw_only=True):
    """The hibernation of one Deployment during one deploy."""

    config: Config
    tools: Tools
    console: Console
    ours: Override | None = None
    """The override of this run, set before the request; None when there is nothing to restore."""
    earlier: Override | None = None
    """The override that was in effect before."""
    asking: Future[None] | None = None
    """The request that sets `ours`."""
    unrestored: Override | None = None
    """The override of this run that may still be in effect, after a restore that failed."""
    is_stopped: bool = False
    client: AstroClient | None = None
    deployment: Deployment | None = None

    def wake(self, client: AstroClient, deployment: Deployment) -> Deployment:
        """Wake the Deployment up if it hibernates, and return it with its new status.

        Raises DeployTimeoutError when that takes too long, ConfigurationError, ApiError,
        AuthenticationError.
        """
        found = client.get_hibernation(deployment.id)
        if not found.is_development_mode:
            self.console.say(
                f"nothing to wake up: Deployment {deployment.name} is not in development mode, and "
                "only such Deployments hibernate (--wake)"
            )
            return deployment
        if not found.is_hibernating:
            return deployment
        with self.console.phase(Phase.WAKE):
            if self.ours is None:
                self._override(client, deployment, found)
            awake = wait_until_awake(
                client, deployment, self.ours, self.config, tools=self.tools, console=self.console
            )
        self.console.did(Phase.WAKE, f"Deployment {deployment.name} is awake")
        # What wakes up may be UNHEALTHY for a while, which then is not the deploy's fault.
        return structs.replace(deployment, status=awake.status)

    def restore(self, *, is_hurried: bool) -> None:
        """Restore what was there before the deploy, and say so; a failure is a warning."""
        if self.ours is None or self.client is None or self.deployment is None:
            return
        client, sleep = self.client, self.tools.patience.sleep
        if is_hurried:
            client = client.within(HURRY_SECONDS)
        try:
            self._stop_asking()
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

    def _override(self, client: AstroClient, deployment: Deployment, found: Hibernation) -> None:
        ours = our_override(
            self.tools.clock(),
            wake_seconds=self.config.wake_seconds,
            wait_seconds=self.config.wait_seconds,
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
        self.earlier, self.ours = found.override, ours

        def sleep(seconds: float) -> None:
            self.tools.patience.sleep(seconds)
            if self.is_stopped:
                raise AbandonedError

        def ask() -> None:
            change_override(client, deployment.id, ours, before=found.override, sleep=sleep)

        # In a thread, which a signal does not interrupt: its effect is known before the restore.
        self.asking = begin(ask)
        try:
            self.asking.result()
        except (ApiError, AuthenticationError) as error:
            if error.had_no_effect or isinstance(error, ChangedOverrideError):
                self.ours = None
            if isinstance(error, ApiError) and error.status == 403:
                raise _forbidden(error, deployment) from error
            raise

    def _stop_asking(self) -> None:
        """Wait for a request that a signal overtook, as it would undo the restore.

        Raises UnavailableError when the request got no answer in time.
        """
        self.is_stopped = True
        if self.asking and not wait([self.asking], timeout=ASKING_SECONDS).done:
            raise UnavailableError("the request to wake it up has no answer yet")

    def _tell(self, what: Restoration, found: Override | None) -> None:
        assert self.deployment  # noqa: S101 - there is one when something was overridden
        name = self.deployment.name
        if what.kind == "leave":
            self.console.say(
                f"somebody has changed the hibernation override of Deployment {name} during the "
                f"deploy; it stays as it is: {described(found)}"
            )
        elif what.kind == "put back":
            self.console.say(
                f"restored the hibernation override of Deployment {name}: {described(what.wanted)}"
            )
        elif what.kind == "remove":
            self.console.say(
                f"removed the hibernation override of Deployment {name}: its schedule decides again"
            )


def restoring(
    waker: Waker, act: Callable[[], DeployResult], cancelled_by: CancelledBy
) -> DeployResult:
    """Deploy, and restore the hibernation however that ends.

    `cancelled_by` makes the error for a signal that arrives during the restore.
    """
    try:
        result = act()
    except BaseException as error:
        is_over = isinstance(error, (CancelledError, KeyboardInterrupt))
        _restore(waker, cancelled_by, is_hurried=is_over)
        if isinstance(error, AstroCIError):
            waker.explain(error)
        raise
    if result.outcome == "deployed" and not waker.config.wait:
        waker.leave()
    _restore(waker, cancelled_by, is_hurried=False)
    return result


def _restore(waker: Waker, cancelled_by: CancelledBy, *, is_hurried: bool) -> None:
    try:
        waker.restore(is_hurried=is_hurried)
    except KeyboardInterrupt as stop:  # the first signal: nothing interrupts what follows
        waker.restore(is_hurried=True)
        error = cancelled_by(signal_of(stop))
        waker.explain(error)
        raise error from None


def _forbidden(error: ApiError, deployment: Deployment) -> ApiError:
    return ApiError(
        f"the token may not wake up Deployment {deployment.name}, as it lacks the permission "
        f"deployment.hibernation.update: {error}",
        hint="Give the token the role Workspace Operator, or a Deployment role with the permission "
        "deployment.hibernation.update; or wake the Deployment up in Astro, and leave out --wake.",
        status=error.status,
        is_clear=error.is_clear,
    )
