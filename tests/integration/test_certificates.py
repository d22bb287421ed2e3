"""A service whose certificate only SSL_CERT_FILE vouches for."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import forked
from tests.tls import make_certificate, serving_tls

_PAYLOAD = base64.urlsafe_b64encode(b'{"permissions": ["organizationId:clx0acme"]}').decode()
TOKEN = f"e30.{_PAYLOAD.rstrip('=')}.e30"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "localhost.pem")


@pytest.fixture
def url(certificate: Path) -> Iterator[str]:
    with serving_tls(certificate) as url:
        yield url


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
