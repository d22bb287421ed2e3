"""Set or remove a hibernation override, so that the request takes effect once.

An error response does not tell whether Astro carried out the request. Therefore the override is
read back before a request is repeated, and what somebody else has set since is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.astro.hibernation import Override
from astro_ci.deploying.hibernation import described, is_same
from astro_ci.deploying.side_by_side import AbandonedError
from astro_ci.errors import ApiError, AuthenticationError, UnavailableError
from astro_ci.model import Deployment
from astro_ci.web.ahead import begin
from astro_ci.web.retry import may_come_again, pause_seconds

log = logging.getLogger(__name__)

ATTEMPTS = 4
ASKING_SECONDS = 2.5
"""The time for a request that a signal overtook."""


class ChangedOverrideError(ApiError):
    """Somebody else has changed the override in the meantime."""


def change_override(
    client: AstroClient,
    deployment_id: str,
    wanted: Override | None,
    *,
    before: Override | None,
    sleep: Callable[[float], None],
    attempts: int = ATTEMPTS,
) -> None:
    """Set an override, or with None remove it; `before` is the override that was in effect.

    Raises ApiError, AuthenticationError; `had_no_effect` says when the override is as it was.
    """
    for attempt in range(1, attempts + 1):
        try:
            if wanted:
                client.override_hibernation(deployment_id, wanted)
            else:
                client.end_hibernation_override(deployment_id)
            return
        except (ApiError, AuthenticationError) as error:
            if isinstance(error, ApiError) and error.is_clear and error.status != 404:
                error.had_no_effect = True
                raise
            log.warning("changing the hibernation got no clear answer (%s); reading it back", error)
            found = _read_back(client, deployment_id, error)
            if is_same(found, wanted):
                return
            if not is_same(found, before):
                raise ChangedOverrideError(
                    f"somebody else has changed the hibernation override: {described(found)}",
                    hint="Run the job again, and let deploys of one Deployment wait for each "
                    "other.",
                ) from error
            is_refused = not isinstance(error, UnavailableError)
            if attempt == attempts or is_refused or not may_come_again(error):
                raise
            pause = pause_seconds(error, attempt)
        sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _read_back(
    client: AstroClient, deployment_id: str, failure: ApiError | AuthenticationError
) -> Override | None:
    """Read the override after a failed request. Raises `failure` when the read fails too."""
    try:
        return client.get_hibernation(deployment_id).override
    except (ApiError, AuthenticationError) as unread:
        told = failure.saying(f"{failure}; the hibernation could not be read back either: {unread}")
        raise told from failure


class Asking(Struct, kw_only=True):
    """The request that wakes a Deployment up.

    A signal does not interrupt its thread: its effect is known before the override is restored.
    """

    sleep: Callable[[float], None]
    request: Future[None] | None = None
    is_stopped: bool = False

    def ask(
        self,
        client: AstroClient,
        deployment: Deployment,
        wanted: Override,
        *,
        before: Override | None,
    ) -> None:
        """Set the override. Raises ApiError, AuthenticationError, as `change_override` does."""

        def sleep(seconds: float) -> None:
            self.sleep(seconds)
            if self.is_stopped:
                raise AbandonedError

        self.request = begin(
            lambda: change_override(client, deployment.id, wanted, before=before, sleep=sleep)
        )
        try:
            self.request.result()
        except ApiError as error:
            if error.status == 403:
                raise _forbidden(error, deployment) from error
            raise

    def stop(self) -> None:
        """Wait for a request that a signal overtook, as it would undo the restore.

        Raises UnavailableError when the request got no answer in time.
        """
        self.is_stopped = True
        if self.request and not wait([self.request], timeout=ASKING_SECONDS).done:
            raise UnavailableError("the request to wake it up has no answer yet")


def _forbidden(error: ApiError, deployment: Deployment) -> ApiError:
    told = ApiError(
        f"the token may not wake up Deployment {deployment.name}, as it lacks the permission "
        f"deployment.hibernation.update: {error}",
        hint="Give the token the role Workspace Operator, or a Deployment role with the permission "
        "deployment.hibernation.update; or wake the Deployment up in Astro, and leave out --wake.",
        status=error.status,
        is_clear=error.is_clear,
    )
    told.had_no_effect = error.had_no_effect
    return told
