"""One comment on a pull request, updated in place, on the systems that have `comments`."""

from __future__ import annotations

from collections.abc import Mapping

from astro_ci.ci.comments.place import CommentError
from astro_ci.ci.comments.thread import Thread
from astro_ci.ci.context import CIContext
from astro_ci.ci.systems import system_of

__all__ = ["CommentError", "Thread", "thread_of"]


def thread_of(ci: CIContext, env: Mapping[str, str]) -> Thread | None:
    """Return the comments of the run's pull request; None when the run has no pull request.

    Raises CommentError when there is no access: without a token, or in another CI system.
    """
    if ci.pull_request is None:
        return None
    place_of = system_of(ci.key).comments
    if place_of is None:
        raise CommentError(
            f"--comment works on GitHub and GitLab, and the CI system here is {ci.system}",
            hint="Remove --comment; the plan is in the log.",
        )
    return Thread(place_of(ci.pull_request, env))
