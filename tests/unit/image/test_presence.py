"""Whether the engine has an image, asked of a socket file."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from astro_ci.image import presence
from astro_ci.image.presence import has_image
from tests.unit.image.stub_engine import serve

IMAGE = "registry.example.com:5000/org/project:deploy-1"


def test_an_image_that_is_there(tmp_path: Path) -> None:
    asked = "GET /images/registry.example.com%3A5000/org/project%3Adeploy-1/json"
    with serve(tmp_path, {asked: (200, {"Id": "sha256:1"})}) as engine:
        assert has_image(engine.env, IMAGE)
    assert engine.asked == [asked]
    assert engine.headers[0]["Host"] == "localhost"


@pytest.mark.parametrize("status", [404, 500, 204])
def test_any_other_answer_is_no_image(tmp_path: Path, status: int) -> None:
    with serve(tmp_path, {"GET /images/x/json": (status, {})}) as engine:
        assert not has_image(engine.env, "x")
    assert len(engine.asked) == 1


def test_where_no_engine_listens(tmp_path: Path) -> None:
    assert not has_image({"DOCKER_HOST": f"unix://{tmp_path}/no.sock"}, IMAGE)


def test_an_engine_elsewhere_is_not_asked(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        assert not has_image({"DOCKER_HOST": f"tcp://127.0.0.1:{port}"}, IMAGE)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_context_that_cannot_be_read(tmp_path: Path) -> None:
    assert not has_image({"DOCKER_CONTEXT": "gone", "HOME": str(tmp_path)}, IMAGE)


@pytest.mark.parametrize("said", [b"", b"what?\r\n\r\n", None])
def test_who_answers_nonsense_or_not_at_all(
    tmp_path: Path, said: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "_PATIENCE_SECONDS", 0.1)
    over = threading.Event()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine"))
        server.listen()

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                if said is None:
                    over.wait(30)
                else:
                    connection.recv(4096)
                    connection.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        assert not has_image({"DOCKER_HOST": f"unix://{tmp_path}/engine"}, IMAGE)
        over.set()
        thread.join()


def test_without_a_host_it_is_the_usual_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(tmp_path, {"GET /images/x/json": (200, {})}) as engine:
        monkeypatch.setattr(presence, "DEFAULT_HOST", engine.env["DOCKER_HOST"])
        assert has_image({"HOME": str(tmp_path)}, "x")
