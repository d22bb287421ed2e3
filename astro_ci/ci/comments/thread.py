"""Write one comment, or update it where it stands. It is found by a marker that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.util import Retry

from astro_ci.ci.comments.place import CommentError, Place

# A comment is worth a moment, not a deploy that hangs.
_TIMEOUT_SECONDS = (5.0, 10.0)
_RETRIES = Retry(
    total=2,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=["GET"],
    respect_retry_after_header=False,  # which may name an hour
    raise_on_status=False,
)
_MOST_PAGES = 30
_REFUSED = (401, 403, 404)
_MOVED = "if the repository has been renamed, run again: new jobs know its new address"


class _HeadersOnly(AuthBase):
    """Keeps requests from replacing our header by what ~/.netrc says."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Thread:
    """The comments of one pull request."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._session = requests.Session()
        self._session.headers.update(place.headers)
        self._session.auth = _HeadersOnly()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_RETRIES))

    def put(self, marker: str, body: str) -> str:
        """Make the comment that begins with the marker say this; gives its page, or nothing.

        Two runs at a time end with one comment as well: the younger one goes. Raises CommentError.
        """
        text = f"{marker}\n{body}"
        for number in self._marked(marker):
            if self._update(number, text):
                return self._page(number)
        ours = self._create(text)
        first = next(self._marked(marker), ours)
        if first != ours and self._update(first, text):
            self._request("DELETE", self._place.comment + ours)
            return self._page(first)
        return self._page(ours)

    def _marked(self, marker: str) -> Iterator[str]:
        """Ids of the comments that begin with the marker, oldest first."""
        url: str | None = f"{self._place.comments}?per_page=100&sort=asc"
        for _ in range(_MOST_PAGES):
            if url is None:
                return
            response = self._request("GET", url)
            self._refuse(response, "reading the comments")
            for comment in _list(response):
                if str(comment.get("body") or "").lstrip().startswith(marker):
                    yield str(comment["id"])
            url = self._next(response)

    def _next(self, response: requests.Response) -> str | None:
        url = response.links.get("next", {}).get("url")
        # The token goes to its own host alone.
        is_here = url and urlsplit(url)[:2] == urlsplit(self._place.comments)[:2]
        return url if is_here else None

    def _update(self, number: str, text: str) -> bool:
        """Whether the comment could be written: somebody else's cannot."""
        url = self._place.comment + number
        response = self._request(self._place.update_method, url, text)
        if response.status_code in _REFUSED:
            return False
        self._refuse(response, "updating the comment")
        return True

    def _create(self, text: str) -> str:
        response = self._request("POST", self._place.comments, text)
        self._refuse(response, "writing a comment")
        found = _json(response)
        if not isinstance(found, dict) or "id" not in found:
            raise CommentError(
                "writing a comment: the answer does not name it", hint=self._place.permission_hint
            )
        return str(found["id"])

    def _page(self, number: str) -> str:
        return f"{self._place.page}{number}" if self._place.page else ""

    def _request(self, method: str, url: str, text: str | None = None) -> requests.Response:
        body = None if text is None else {"body": text}
        try:
            return self._session.request(
                method, url, json=body, timeout=_TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException as error:
            host = urlsplit(self._place.comments).hostname
            raise CommentError(
                f"{host} could not be reached ({type(error).__name__})",
                hint="the plan is in the log and in the job summary",
            ) from error

    def _refuse(self, response: requests.Response, what: str) -> None:
        if response.status_code >= 300:
            is_moved = response.status_code < 400
            raise CommentError(
                f"{what} was answered with {response.status_code} {response.reason}",
                hint=_MOVED if is_moved else self._place.permission_hint,
            )


def _list(response: requests.Response) -> list[dict[str, Any]]:
    found = _json(response)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None
