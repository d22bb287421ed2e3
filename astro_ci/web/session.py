"""Open HTTP sessions, and hold the limits for attempts and time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci import __version__
from astro_ci.web.retry import ATTEMPTS

if TYPE_CHECKING:  # loaded when a session is opened
    import requests

TIMEOUT_SECONDS = (10.0, 60.0)


class Patience(Struct, frozen=True, kw_only=True):
    """The limits for attempts and time; tests use lower limits."""

    attempts: int = ATTEMPTS
    timeout_seconds: tuple[float, float] = TIMEOUT_SECONDS
    """The timeouts for connecting, and between two bytes of a response."""
    sleep: Callable[[float], None] = time.sleep


def open_session(headers: Mapping[str, str] | None = None) -> requests.Session:
    """Open a session with astro-ci's User-Agent, which sends only the given credentials."""
    from astro_ci.web.auth import NoAuth
    from astro_ci.web.transport import Session

    session = Session()
    session.headers.update({"User-Agent": f"astro-ci/{__version__}", **(headers or {})})
    session.auth = NoAuth()
    return session
