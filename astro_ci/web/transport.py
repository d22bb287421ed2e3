"""The session class. Imported only when a session is opened, because `requests` is slow to load."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from astro_ci.web.early import take


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return take(self.host, self.port or 0) or super()._new_conn()


class _TLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return take(self.host, self.port or 0) or super()._new_conn()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Session(requests.Session):
    """Uses the connections that were opened early, and reads the environment once for each host."""

    def __init__(self) -> None:
        super().__init__()
        adapter = HTTPAdapter()
        # Requests through a proxy have separate pools.
        adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
        for scheme in ("http://", "https://"):
            self.mount(scheme, adapter)
        self._settings: dict[object, Any] = {}

    def merge_environment_settings(self, url: Any, *given: Any) -> Any:
        """Look for proxies and certificates in the environment. Called by requests."""
        place = urlsplit(url)[:2], repr(given)
        if place not in self._settings:
            self._settings[place] = super().merge_environment_settings(url, *given)
        return self._settings[place]
