"""The session of `requests` that takes early connections and remembers the environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from astro_ci.web.early import close_early, open_early, take
from astro_ci.web.session import open_session
from tests.tls import serving_tls
from tests.unit.web.server import Answer, serving

SECONDS = 10.0


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_early()


def test_a_connection_that_is_open_is_taken_for_tls(certificate: Path) -> None:
    with serving_tls(certificate) as url, open_session() as session:
        port = urlsplit(url).port
        assert port
        open_early(url, {}, count=2)
        answer = session.head(f"{url}/none", verify=str(certificate), timeout=SECONDS)
        assert answer.status_code == 404
        left = take("localhost", port)
        assert left, "the request took one of two"
        left.close()
        assert take("localhost", port) is None


def test_one_request_trusts_a_certificate_and_the_next_one_does_not(certificate: Path) -> None:
    with serving_tls(certificate) as url, open_session() as session:
        session.head(f"{url}/none", verify=str(certificate), timeout=SECONDS)
        with pytest.raises(requests.exceptions.SSLError):
            session.head(f"{url}/none", timeout=SECONDS)


def test_the_environment_is_asked_once_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """To look for proxies takes long where there are many paths, as there are blobs."""
    for name in ("NO_PROXY", "no_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving(Answer("here")) as script, open_session() as session:
        assert session.get(f"{script.url}/a", timeout=SECONDS).text == "here"
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        assert session.get(f"{script.url}/b", timeout=SECONDS).text == "here"
        with pytest.raises(requests.exceptions.ProxyError):
            session.get("http://astro.example/", timeout=SECONDS)
