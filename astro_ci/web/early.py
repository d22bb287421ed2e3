"""Open connections while the library that will use them is still being loaded.

Loading `requests` takes about as long as a round trip to a distant service. Connections from this
module are shared in the whole process, and the first requests to the same host use them.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from urllib.parse import urlsplit

from astro_ci.web.ahead import begin

_PORTS = {"http": 80, "https": 443}
_CONNECT_SECONDS = 5.0
"""The time limit for a connection; after it, `requests` connects itself."""
_Place = tuple[str, int]
_opening: dict[_Place, list[Future[socket.socket]]] = {}


def open_early(url: str, env: Mapping[str, str], *, count: int) -> None:
    """Start to connect to the host of a URL, unless a proxy may be used.

    Raises ValueError for an invalid port.
    """
    if any(value for name, value in env.items() if name.lower().endswith("_proxy")):
        return
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    _opening[place] = [begin(lambda: _connect(place)) for _ in range(count)]


def close_early() -> None:
    """Close the unused connections, because servers close connections that are idle for long."""
    while _opening:
        for opening in _opening.popitem()[1]:
            opening.add_done_callback(_close)


def take(host: str, port: int) -> socket.socket | None:
    """Return a connection to this host and port; None when no connection is left."""
    openings = _opening.get((host, port), [])
    while openings:
        with suppress(OSError, IndexError):  # another thread may take the last connection
            opened = openings.pop().result()
            if not _is_closed(opened):
                return opened
            opened.close()
    return None


def _is_closed(opened: socket.socket) -> bool:
    """Whether the server has closed the connection: only then is it readable before a request."""
    return bool(select.select([opened], [], [], 0)[0])


def _connect(place: _Place) -> socket.socket:
    opened = socket.create_connection(place, _CONNECT_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as urllib3 does
    return opened


def _close(opening: Future[socket.socket]) -> None:
    with suppress(OSError):
        opening.result().close()
