"""The look at the Deployment between sending and finalizing, without a wait of its own.

It is begun when the last byte of the bundle is sent, and its answer travels beside that of the
blob store. What it says counts when it is no older than the upload's end, give or take a moment;
else, as after an upload that hangs or a long push, Astro is asked once more.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from astro_ci.errors import ApiError, AuthenticationError
from astro_ci.model import Deployment
from astro_ci.web.ahead import begin

FRESH_SECONDS = 0.1
"""How much older than the end of the transfer the answer may be."""
PROMPT_SECONDS = 1.0
"""How long the answer may take: Astro may have looked when the question came."""


class SecondLook:
    """Reads the Deployment at the right time."""

    def __init__(self, read: Callable[[], Deployment], now: Callable[[], float]) -> None:
        self._read = read
        self._now = now
        self._begun: Future[tuple[float, Deployment, float]] | None = None

    def begin(self) -> None:
        """Begin to look, in a thread of its own."""
        self._begun = begin(lambda: (self._now(), self._read(), self._now()))

    def result(self) -> Deployment:
        """Give what is there now that all is sent. Raises ApiError, AuthenticationError."""
        over = self._now()
        if self._begun:
            with suppress(ApiError, AuthenticationError):  # asked again, it may succeed
                asked_at, found, answered_at = self._begun.result()
                is_prompt = answered_at - asked_at < PROMPT_SECONDS
                if is_prompt and answered_at > over - FRESH_SECONDS:
                    return found
        return self._read()
