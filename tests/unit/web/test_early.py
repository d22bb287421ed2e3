"""Connections that are opened before the library that uses them is loaded."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from astro_ci.web import early
from astro_ci.web.early import close_early, open_early, take
from astro_ci.web.session import open_session
from tests.unit.web.server import Answer, serving

SECONDS = 10.0


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_early()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(SECONDS)
        yield server


def url_of(server: socket.socket) -> str:
    return f"http://127.0.0.1:{server.getsockname()[1]}"


def accept(server: socket.socket) -> socket.socket:
    connection, _ = server.accept()
    connection.settimeout(SECONDS)
    return connection


def test_the_first_request_goes_over_the_connection_that_is_open(listener: socket.socket) -> None:
    open_early(url_of(listener), {}, count=1)
    with accept(listener) as taken, open_session() as session:
        answered: list[str] = []
        asking = threading.Thread(
            target=lambda: answered.append(session.get(url_of(listener), timeout=SECONDS).text)
        )
        asking.start()
        assert taken.recv(1000).startswith(b"GET / HTTP/1.1")
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly")
        asking.join(SECONDS)
        assert answered == ["early"]


def test_a_connection_that_failed_is_made_again() -> None:
    with serving(Answer("later")) as script:
        port = int(script.url.rpartition(":")[2])
        open_early("http://127.0.0.1:1", {}, count=2)
        assert take("127.0.0.1", 1) is None
        open_early(script.url, {}, count=1)
        with open_session() as session:
            texts = [session.get(script.url, timeout=SECONDS).text for _ in range(2)]
        assert texts == ["later", "later"]
        assert take("127.0.0.1", port) is None  # it was taken


def test_a_connection_is_for_its_own_place_alone(listener: socket.socket) -> None:
    open_early(url_of(listener), {}, count=1)
    with accept(listener):
        port = listener.getsockname()[1]
        assert take("127.0.0.2", port) is None
        assert take("127.0.0.1", port + 1) is None
        found = take("127.0.0.1", port)
        assert found
        found.close()


def test_what_nobody_took_is_closed(listener: socket.socket) -> None:
    open_early(url_of(listener), {}, count=2)
    with accept(listener) as first, accept(listener) as second:
        close_early()
        assert (first.recv(1), second.recv(1)) == (b"", b"")
    assert take("127.0.0.1", listener.getsockname()[1]) is None


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY", "no_proxy"])
def test_nothing_is_opened_where_a_proxy_may_be_on_the_way(
    listener: socket.socket, name: str
) -> None:
    open_early(url_of(listener), {name: "http://127.0.0.1:1"}, count=1)
    assert take("127.0.0.1", listener.getsockname()[1]) is None


def test_a_port_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        open_early("https://example.com:port", {}, count=1)


def test_the_environment_is_asked_for_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Answer("the proxy")) as proxy, serving(Answer("the host itself")) as host:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with open_session() as session:
            texts = [
                session.get(url, timeout=SECONDS).text
                for url in (host.url, "http://astro.example/", host.url, "http://astro.example/")
            ]
    assert texts == ["the host itself", "the proxy"] * 2
    assert [path for _, path, _, _ in proxy.requests] == ["http://astro.example/"] * 2


def test_a_connection_that_the_server_closed_is_not_used(listener: socket.socket) -> None:
    open_early(url_of(listener), {}, count=1)
    accept(listener).close()
    # Its end has to arrive; until then it looks as open as any other.
    port = listener.getsockname()[1]
    (opening,) = early._opening["127.0.0.1", port]
    assert select.select([opening.result()], [], [], SECONDS)[0]
    assert take("127.0.0.1", port) is None


class _TakenMeanwhile(list[Future[socket.socket]]):
    """Openings of which another thread takes the last one right after it was seen."""

    def __bool__(self) -> bool:
        was_there = len(self) > 0
        self.clear()
        return was_there


def test_another_thread_may_take_the_last_one(listener: socket.socket) -> None:
    place = ("127.0.0.1", listener.getsockname()[1])
    early._opening[place] = _TakenMeanwhile([Future()])
    assert take(*place) is None


def test_a_connection_is_not_waited_for_without_end(listener: socket.socket) -> None:
    open_early(url_of(listener), {}, count=1)
    with accept(listener):
        found = take("127.0.0.1", listener.getsockname()[1])
        assert found
        assert found.gettimeout() == 5.0
        found.close()


def test_to_close_what_failed_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    open_early("http://127.0.0.1:1", {}, count=1)
    (opening,) = early._opening["127.0.0.1", 1]
    assert isinstance(opening.exception(SECONDS), OSError)
    close_early()
    assert caplog.messages == [], "a callback that fails is logged"
