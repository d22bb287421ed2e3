"""Read the Deployment between upload and finalize, without additional waiting time.

The request starts when the last byte of the bundle is sent, and runs while the blob store answers.
The answer counts when it is not older than the end of the upload, within a tolerance. Otherwise, as
after a slow upload or a long push, the Deployment is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from astro_ci.errors import ApiError, AuthenticationError
from astro_ci.model import Deployment
from astro_ci.web.ahead import begin

FRESH_SECONDS = 0.1
"""The maximum age of the answer at the end of the transfer."""
PROMPT_SECONDS = 1.0
"""The maximum duration of the request, because the answer may be as old as the request."""


class SecondLook:
    """Reads the Deployment at the right time."""

    def __init__(self, read: Callable[[], Deployment], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._begun: Future[tuple[float, Deployment, float]] | None = None

    def begin(self) -> None:
        """Start to read the Deployment, in a thread."""
        self._begun = begin(lambda: (self._now(), self._read(), self._now()))

    def result(self) -> Deployment:
        """Return the Deployment after the transfer. Raises ApiError, AuthenticationError."""
        over = self._now()
        if self._begun:
            with suppress(ApiError, AuthenticationError):  # the next request may succeed
                asked_at, found, answered_at = self._begun.result()
                is_prompt = answered_at - asked_at < PROMPT_SECONDS
                if is_prompt and answered_at > over - FRESH_SECONDS:
                    return found
        return self._read()
