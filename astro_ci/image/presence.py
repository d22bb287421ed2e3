"""Ask the engine whether it has an image, without the SDK, which takes longer to load."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from urllib.parse import quote

from astro_ci.errors import DockerError
from astro_ci.image.user_config import DEFAULT_HOST, endpoint_of

_UNIX = "unix://"
_PATIENCE_SECONDS = 2.0


def has_image(env: Mapping[str, str], reference: str) -> bool:
    """Whether this machine's engine has the image.

    False for a remote engine, for a slow engine, and without an engine.
    """
    try:
        host = endpoint_of(env).get("DOCKER_HOST") or DEFAULT_HOST
    except DockerError:
        return False
    if not host.startswith(_UNIX):
        return False
    connection = _UnixConnection(host.removeprefix(_UNIX))
    try:
        connection.request("GET", f"/images/{quote(reference)}/json")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a socket file."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=_PATIENCE_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE_SECONDS)
        self.sock.connect(self._path)
