"""The authentication of requests, which never reads ~/.netrc."""

from __future__ import annotations

import re
from collections.abc import Callable

import requests
from requests.auth import AuthBase

from astro_ci.errors import AuthenticationError

_B64TOKEN = r"[A-Za-z0-9._~+/=-]+"
"""Source: RFC 6750, b64token."""


class BearerAuth(AuthBase):
    """Sends the token, and prevents that requests reads ~/.netrc."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header. Called by requests. Raises AuthenticationError for a malformed token."""
        token = self._token()
        if not re.fullmatch(_B64TOKEN, token):
            raise AuthenticationError(
                "the token contains characters that are not allowed in a token, such as a line "
                "break or a quote",
                hint="Store only the token's text, as it was shown when it was created.",
            )
        request.headers["Authorization"] = f"Bearer {token}"
        return request


class NoAuth(AuthBase):
    """Sends no credentials, and prevents that requests reads ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request unchanged. Called by requests."""
        return request
