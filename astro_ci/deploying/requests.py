"""Create and finalize a deploy, so that each request takes effect exactly once.

An error response does not tell whether Astro carried out the request: a gateway may time out, or a
proxy may send the request twice. Therefore the deploy is read back before a request is repeated. An
error raised here tells in `had_no_effect` whether the request certainly had no effect.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.deploying.order import Known
from astro_ci.deploying.rollout import Rollout
from astro_ci.errors import ApiError, AuthenticationError, DeployFailedError, UnavailableError
from astro_ci.model import ApiDeployType, Deploy, DeployGit
from astro_ci.text import unicode
from astro_ci.web.retry import may_come_again, pause_seconds

log = logging.getLogger(__name__)

ATTEMPTS = 4

Sleep = Callable[[float], None]
Refused = ApiError | AuthenticationError


class NewDeploy(Struct, frozen=True, kw_only=True):
    """The deploy to create."""

    deployment_id: str
    type: ApiDeployType
    description: str
    git: DeployGit | None

    def is_like(self, deploy: Deploy) -> bool:
        """Whether a deploy is unfinished and has the same description and commit."""
        commit = deploy.git.commit_sha.lower() if deploy.git else None
        return (
            deploy.status == "INITIALIZED"
            and deploy.type == self.type
            and deploy.description == unicode(self.description)
            and commit == (self.git.commit_sha.lower() if self.git else None)
        )


def create(client: AstroClient, new: NewDeploy, known: Known, *, sleep: Sleep) -> Deploy:
    """Create a deploy, or find the deploy of an earlier request whose answer was lost.

    `known` is the deploy history before the request. Raises ApiError, AuthenticationError.
    """
    is_in_doubt = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return client.create_deploy(
                new.deployment_id, new.type, description=new.description, git=new.git
            )
        except (ApiError, AuthenticationError) as error:
            if not _had_no_effect(error):
                log.warning(
                    "creating the deploy got no clear answer (%s); looking for the deploy", error
                )
                if found := _find(client, new, known):
                    return found
                is_in_doubt = True
            may_repeat = isinstance(error, UnavailableError) and not error.never_arrived
            if attempt == ATTEMPTS or not may_repeat or not may_come_again(error):
                error.had_no_effect = not is_in_doubt
                raise
            pause = pause_seconds(error, attempt)
        sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def finalize(client: AstroClient, rollout: Rollout, *, sleep: Sleep) -> Deploy:
    """Finalize a deploy exactly once, even when answers get lost, and return the deploy.

    After an error, the deploy is read to find whether the request was carried out. Raises ApiError,
    AuthenticationError; DeployFailedError when another run finalized the deploy with another
    bundle.
    """
    is_in_doubt = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return client.finalize_deploy(
                rollout.deployment.id, rollout.deploy.id, bundle_version=rollout.bundle_version
            )
        except (ApiError, AuthenticationError) as error:
            log.warning("finalizing the deploy failed (%s); reading the deploy back", error)
            deploy = _read_back(client, rollout, error, is_in_doubt=is_in_doubt)
            if deploy.status != "INITIALIZED":
                return _ours(deploy, rollout)
            is_refused = isinstance(error, AuthenticationError) or error.is_clear
            is_in_doubt = is_in_doubt or not (is_refused or _had_no_effect(error))
            if attempt == ATTEMPTS or is_refused or not may_come_again(error):
                raise _told(error, is_in_doubt=is_in_doubt) from error
            pause = pause_seconds(error, attempt)
        sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def _had_no_effect(error: Refused) -> bool:
    """Whether the error alone proves that the request had no effect.

    A 401 proves nothing, because it may come from a proxy that requires credentials.
    """
    if isinstance(error, UnavailableError):
        return error.never_arrived
    return isinstance(error, ApiError) and error.is_clear


def _find(client: AstroClient, new: NewDeploy, known: Known) -> Deploy | None:
    """Return the created deploy; None when no deploy, or more than one, matches the request."""
    try:
        recent = known.recent(client.list_deploys(new.deployment_id))
        found = [one for one in recent if one.id not in known.ids and new.is_like(one)]
        return client.get_deploy(new.deployment_id, found[0].id) if len(found) == 1 else None
    except (ApiError, AuthenticationError) as error:
        log.warning("the deploys could not be listed: %s", error)
        return None


def _read_back(
    client: AstroClient, rollout: Rollout, failure: Refused, *, is_in_doubt: bool
) -> Deploy:
    """Read the deploy after a failed finalize. Raises `failure` when the read fails too."""
    try:
        return client.get_deploy(rollout.deployment.id, rollout.deploy.id)
    except (ApiError, AuthenticationError) as unread:
        never_arrived = isinstance(failure, UnavailableError) and failure.never_arrived
        is_refused = isinstance(failure, AuthenticationError) and not is_in_doubt
        told = _told(failure, is_in_doubt=is_in_doubt or not never_arrived)
        told.was_refused = is_refused
        told.message = f"{failure}; the deploy could not be read back either: {unread}"
        raise told from failure


def _told(error: Refused, *, is_in_doubt: bool) -> Refused:
    """Return the error to raise; after an attempt in doubt, no refusal proves "no effect"."""
    if is_in_doubt and isinstance(error, ApiError):
        return UnavailableError(error.message, hint=error.hint, status=error.status)
    error.had_no_effect = not is_in_doubt
    return error


def _ours(done: Deploy, rollout: Rollout) -> Deploy:
    """Return the deploy. Raises DeployFailedError when it has another bundle than this run's."""
    if rollout.bundle_version and done.dag_tarball_version not in ("", rollout.bundle_version):
        raise DeployFailedError(
            f"deploy {done.id} was finalized by another run, with the bundle version "
            f"{done.dag_tarball_version} instead of {rollout.bundle_version}",
            hint="Run the job again, and let deploys of one Deployment wait for each other.",
        )
    return done
