"""Connections that are opened while the library that will use them is still being loaded.

Loading `requests` takes about as long as a round trip to a service that is far away. What is
opened here waits, for the whole process, for the first requests to the same place.
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
"""An address that takes longer is left to the library, which tries it again."""
_Place = tuple[str, int]
_opening: dict[_Place, list[Future[socket.socket]]] = {}


def open_early(url: str, env: Mapping[str, str], *, count: int) -> None:
    """Begin to connect to the host of a URL, unless a proxy may be on the way.

    Raises ValueError for a port that is none.
    """
    if any(value for name, value in env.items() if name.lower().endswith("_proxy")):
        return
    parts = urlsplit(url)
    place = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
    _opening[place] = [begin(lambda: _connect(place)) for _ in range(count)]


def close_early() -> None:
    """Close what no request took: a connection that waits too long may be closed by its server."""
    while _opening:
        for opening in _opening.popitem()[1]:
            opening.add_done_callback(_close)


def take(host: str, port: int) -> socket.socket | None:
    """Give one that is connected to this place; None when there is none, or none is left."""
    openings = _opening.get((host, port), [])
    while openings:
        with suppress(OSError, IndexError):  # another thread may take the last one
            opened = openings.pop().result()
            if not _is_closed(opened):
                return opened
            opened.close()
    return None


def _is_closed(opened: socket.socket) -> bool:
    """Whether the server has closed it: nothing else comes from there before a request."""
    return bool(select.select([opened], [], [], 0)[0])


def _connect(place: _Place) -> socket.socket:
    opened = socket.create_connection(place, _CONNECT_SECONDS)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as urllib3 does
    return opened


def _close(opening: Future[socket.socket]) -> None:
    with suppress(OSError):
        opening.result().close()
