"""Write one comment, or update it. An invisible marker identifies the comment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import requests

from astro_ci.ci.comments.place import CommentError, Place
from astro_ci.web.retry import Repeating, is_worth_repeating
from astro_ci.web.session import open_session

# Short limits, because a deploy must not hang because of its comment.
_TIMEOUT_SECONDS = (5.0, 10.0)
_ATTEMPTS = 3
_MOST_PAGES = 30
_REFUSED = (401, 403, 404)
_MOVED = "If the repository was renamed, run the job again: new jobs know its new address."


class _BusyError(CommentError):
    """A failure that may be temporary."""


class Thread:
    """The comments of one pull request."""

    def __init__(self, place: Place, sleep: Callable[[float], None] = time.sleep) -> None:
        self._place = place
        self._sleep = sleep
        self._session = open_session(place.headers)

    def put(self, marker: str, body: str) -> str:
        """Write a text into the comment that begins with the marker; return its page if known.

        Two parallel runs also end with one comment: the later comment is deleted. Raises
        CommentError.
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
        """List the ids of the comments that begin with the marker, oldest first."""
        url: str | None = f"{self._place.comments}?per_page=100&sort=asc"
        for _ in range(_MOST_PAGES):
            if url is None:
                return
            response = self._read(url)
            for comment in _list(response):
                if str(comment.get("body") or "").lstrip().startswith(marker):
                    yield str(comment["id"])
            url = self._next(response)

    def _next(self, response: requests.Response) -> str | None:
        url = response.links.get("next", {}).get("url")
        # The token is only sent to its own host.
        is_here = url and urlsplit(url)[:2] == urlsplit(self._place.comments)[:2]
        return url if is_here else None

    def _update(self, number: str, text: str) -> bool:
        """Update a comment; return False when another user wrote it and it cannot be changed."""
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
                "writing a comment: the answer does not name the new comment",
                hint=self._place.permission_hint,
            )
        return str(found["id"])

    def _page(self, number: str) -> str:
        return f"{self._place.page}{number}" if self._place.page else ""

    def _read(self, url: str) -> requests.Response:
        """Send a request, and repeat it soon if the git host is busy, whatever wait it asks for."""
        retrying = Repeating(_is_busy, attempts=_ATTEMPTS, sleep=self._sleep)
        return retrying(self._read_once, url)

    def _read_once(self, url: str) -> requests.Response:
        try:
            response = self._request("GET", url)
        except CommentError as error:
            raise _BusyError(error.message, hint=error.hint) from error
        kind = _BusyError if is_worth_repeating(response.status_code) else CommentError
        self._refuse(response, "reading the comments", kind)
        return response

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
                hint="Look at the plan in the log and in the job summary.",
            ) from error

    def _refuse(
        self, response: requests.Response, what: str, kind: type[CommentError] = CommentError
    ) -> None:
        if response.status_code >= 300:
            is_moved = response.status_code < 400
            raise kind(
                f"{what} failed with {response.status_code} {response.reason}",
                hint=_MOVED if is_moved else self._place.permission_hint,
            )


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, _BusyError)


def _list(response: requests.Response) -> list[dict[str, Any]]:
    found = _json(response)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except requests.JSONDecodeError:
        return None
