"""A service whose certificate only SSL_CERT_FILE vouches for."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forked

_PAYLOAD = base64.urlsafe_b64encode(b'{"permissions": ["organizationId:clx0acme"]}').decode()
TOKEN = f"e30.{_PAYLOAD.rstrip('=')}.e30"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of localhost and its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    path = tmp_path / "localhost.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", path),
        ],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def command(directory: Path, url: str, **env: str) -> str:
    nothing = dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), "")
    given = {"ASTRO_API_URL": url, "ASTRO_API_TOKEN": TOKEN, **nothing, **env}
    done = forked.run(("deployment", "list"), cwd=directory, env={**os.environ, **given})
    assert done.returncode == 5
    return done.stderr.decode()


def test_without_it_the_hint_names_the_variable(tmp_path: Path, url: str) -> None:
    told = command(tmp_path, url)
    assert "its TLS certificate was not accepted" in told
    assert "Set REQUESTS_CA_BUNDLE to a file with the certificate authority of localhost" in told


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_with_it_the_service_answers(
    tmp_path: Path, url: str, certificate: Path, name: str
) -> None:
    assert "answered 404" in command(tmp_path, url, **{name: str(certificate)})


def test_the_variable_of_requests_comes_first(tmp_path: Path, url: str, certificate: Path) -> None:
    other = Path(ssl.get_default_verify_paths().cafile or tmp_path / "none")
    if not other.is_file():
        pytest.skip("needs the certificate authorities of the system")
    given = {"SSL_CERT_FILE": str(certificate), "REQUESTS_CA_BUNDLE": str(other)}
    assert "was not accepted" in command(tmp_path, url, **given)


def test_a_file_that_does_not_exist_counts_for_nothing(tmp_path: Path, url: str) -> None:
    told = command(tmp_path, url, SSL_CERT_FILE="/nonexistent.pem")
    assert "its TLS certificate was not accepted" in told
