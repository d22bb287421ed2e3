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
    """Sends the token, and keeps requests from looking for one in ~/.netrc."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header. Called by requests. Raises AuthenticationError for a malformed token."""
        token = self._token()
        if not re.fullmatch(_B64TOKEN, token):
            raise AuthenticationError(
                "the token contains characters that no token has, such as a line break or a quote",
                hint="Store the token's text alone, as it was shown when it was created.",
            )
        request.headers["Authorization"] = f"Bearer {token}"
        return request


class NoAuth(AuthBase):
    """Sends no credentials, not even those of ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is. Called by requests."""
        return request
