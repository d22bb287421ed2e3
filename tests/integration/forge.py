"""A small GitHub and GitLab for tests: the comments of one pull request, over real HTTP.

There is no such server to run here; the shapes are those of the published API documents.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 2
TOKEN = "forge-token"


@dataclass(kw_only=True)
class Forge:
    """What there is, and how it answers."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    refuses: dict[str, int] = field(default_factory=dict)
    """Method to status code."""
    not_ours: set[int] = field(default_factory=set)
    """Comments that others wrote, which the token may not change."""
    after_create: list[dict[str, Any]] = field(default_factory=list)
    """What another run writes at the same moment, before ours."""
    next_host: str = ""
    """Where the link to the next page leads; here, when empty."""

    @property
    def github(self) -> dict[str, str]:
        """The variables of a job on GitHub, for pull request 7."""
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"{self.url}/api/v3",
            "GITHUB_SERVER_URL": self.url,
            "GITHUB_REPOSITORY": "acme/airflow",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_HEAD_REF": "topic",
            "GITHUB_BASE_REF": "main",
            "GITHUB_RUN_ID": "12",
            "GITHUB_TOKEN": TOKEN,
        }

    @property
    def gitlab(self) -> dict[str, str]:
        """The variables of a job on GitLab, for merge request 7."""
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": f"{self.url}/api/v4",
            "CI_PROJECT_ID": "42",
            "CI_PROJECT_URL": f"{self.url}/acme/airflow",
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "topic",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_JOB_URL": f"{self.url}/acme/airflow/-/jobs/12",
            "GITLAB_TOKEN": TOKEN,
        }

    @property
    def bodies(self) -> list[str]:
        """What the comments say."""
        return [comment["body"] for comment in self.comments]

    def add(self, body: str) -> dict[str, Any]:
        """Write a comment."""
        comment = {"id": len(self.comments) + len(self.requests) + 1000, "body": body}
        self.comments.append(comment)
        return comment


LISTS = (
    "/api/v3/repos/acme/airflow/issues/7/comments",
    "/api/v4/projects/42/merge_requests/7/notes",
)
ITEMS = ("/api/v3/repos/acme/airflow/issues/comments/", f"{LISTS[1]}/")


@contextmanager
def serve() -> Iterator[Forge]:
    """Serve a forge on loopback."""
    forge = Forge()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = json.loads(self.rfile.read(length) or "{}")
            url = urlsplit(self.path)
            forge.requests.append(f"{self.command} {url.path}")
            given = self.headers.get("Authorization"), self.headers.get("PRIVATE-TOKEN")
            wanted = (f"Bearer {TOKEN}", None) if "/v3/" in url.path else (None, TOKEN)
            if given != wanted:
                self._answer(401, {"message": "Bad credentials"})
            elif status := forge.refuses.get(self.command):
                self._answer(status, {"message": "Resource not accessible by integration"})
            elif url.path in LISTS and self.command == "GET":
                self._page(url.path, int(parse_qs(url.query).get("page", ["1"])[0]))
            elif url.path in LISTS and self.command == "POST":
                forge.comments += forge.after_create
                self._answer(201, forge.add(body["body"]))
            else:
                self._item(url.path, body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do

        def _page(self, path: str, page: int) -> None:
            start = (page - 1) * PAGE
            headers = {}
            if len(forge.comments) > start + PAGE:
                host = forge.next_host or forge.url
                headers["Link"] = f'<{host}{path}?page={page + 1}>; rel="next"'
            self._answer(200, forge.comments[start : start + PAGE], headers)

        def _item(self, path: str, body: dict[str, str]) -> None:
            prefix = next((each for each in ITEMS if path.startswith(each)), None)
            number = int(path.removeprefix(prefix)) if prefix else -1
            found = next((c for c in forge.comments if c["id"] == number), None)
            if found is None or self.command == "GET":
                self._answer(404, {})
            elif number in forge.not_ours:
                self._answer(403, {})
            elif self.command == "DELETE":
                forge.comments.remove(found)
                self._answer(204, None)
            elif self.command == ("PATCH" if "/v3/" in path else "PUT"):
                found["body"] = body["body"]
                self._answer(200, found)
            else:
                self._answer(405, {})

        def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        forge.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield forge
        finally:
            server.shutdown()
            thread.join()
