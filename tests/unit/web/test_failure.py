"""How a failure is told: what an answer said, or why none came; never what was sent."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

import pytest
import requests
from requests import exceptions
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError
from urllib3.exceptions import SSLError as Urllib3SSLError

from astro_ci.web.failure import describe, is_connect_failure, is_for_good, is_json, read_error

TOKEN = "the.secret.token"


def answer(
    content: bytes,
    *,
    status: int = 400,
    headers: Mapping[str, str] | None = None,
    form: str | None = None,
    token: str | None = TOKEN,
) -> requests.Response:
    """An answer, and the request that it is to."""
    response = requests.Response()
    response._content = content
    response.status_code, response.reason = status, "Bad Request"
    response.headers.update(headers or {})
    response.request = requests.PreparedRequest()
    response.request.headers = requests.structures.CaseInsensitiveDict(
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    response.request.body = form
    return response


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{}", True), (b" \n{", True), (b"[1]", True),
        (b"", False), (b"<p>{", False), (b"text", False),
    ],
)  # fmt: skip
def test_what_looks_like_json(content: bytes, expected: bool) -> None:
    assert is_json(content) is expected


@pytest.mark.parametrize(
    ("content", "message", "request_id"),
    [
        (b'{"message": "no", "requestId": "r1"}', "no", "r1"),
        (b'{"message": "no", "error": "other"}', "no", "header"),
        (b'{"error_description": "expired", "error": "invalid"}', "expired", "header"),
        (b'{"error": "invalid"}', "invalid", "header"),
        (
            b'{"message": "no", "fieldErrors": [{"field": "a", "message": "x"}, '
            b'{"field": "b", "message": "y"}]}',
            "no - a: x; b: y",
            "header",
        ),
        (b'{"fieldErrors": [{"field": "a", "message": "x"}]}', "a: x", "header"),
        (b'[{"message": "in a list"}]', '[{"message": "in a list"}]', "header"),
        (b'{"message": broken', '{"message": broken', "header"),
        (b'{"fieldErrors": [1]}', '{"fieldErrors": [1]}', "header"),
        (b"plain\n  text", "plain text", "header"),
        (b"", "Bad Request", "header"),
        (b"{}", "Bad Request", "header"),
    ],
)
def test_what_an_answer_says(content: bytes, message: str, request_id: str) -> None:
    found = read_error(answer(content, headers={"X-Request-Id": "header"}))
    assert found == (message, request_id)


def test_an_answer_that_says_nothing_at_all() -> None:
    response = answer(b"")
    response.reason = ""
    assert read_error(response) == ("no message", "")


def test_a_web_page_is_not_repeated() -> None:
    page = answer(b"<p>x</p>", headers={"Content-Type": "text/html; charset=utf-8"})
    told = "a web page instead of JSON, as a proxy or a login page would send"
    assert read_error(page) == (told, "")
    json = answer(b'{"message": "no"}', headers={"Content-Type": "text/html"})
    assert read_error(json)[0] == "no"


def test_a_long_text_is_cut_and_json_is_not() -> None:
    assert read_error(answer(b"x" * 500))[0] == "x" * 200
    assert read_error(answer(b'{"message": "%s"}' % (b"x" * 500)))[0] == "x" * 500


def test_what_was_sent_is_crossed_out() -> None:
    said = f'{{"message": "Bearer {TOKEN} and s3cr3t-of-form", "requestId": "{TOKEN}"}}'.encode()
    form = "grant_type=x&client_secret=s3cr3t-of-form"
    assert read_error(answer(said, form=form)) == ("Bearer *** and ***", "***")
    assert read_error(answer(said, token=None, form=form))[0] == f"Bearer {TOKEN} and ***"
    other = read_error(answer(said, form="grant_type=x"))[0]
    assert other == "Bearer *** and s3cr3t-of-form"


def of_connecting(error: Exception) -> requests.ConnectionError:
    """As requests wraps what urllib3 raises."""
    return requests.ConnectionError(MaxRetryError(None, "http://x/", error))  # type: ignore[arg-type]


REFUSED = of_connecting(
    NewConnectionError(None, "Failed to establish: [Errno 111] Connection refused")  # type: ignore[arg-type]
)
SLOW = requests.ConnectTimeout(MaxRetryError(None, "x", ConnectTimeoutError()))  # type: ignore[arg-type]


def of_tls(text: str) -> exceptions.SSLError:
    """As requests wraps what OpenSSL raises."""
    return exceptions.SSLError(MaxRetryError(None, "x", Urllib3SSLError(ssl.SSLError(1, text))))  # type: ignore[arg-type]


UNTRUSTED = of_tls("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed")
PLAIN = of_tls("[SSL: WRONG_VERSION_NUMBER] wrong version number")
PLAIN_SINCE_OPENSSL_3_2 = of_tls("[SSL: RECORD_LAYER_FAILURE] record layer failure")
PLAIN_TO_AN_OLDER_PYTHON = of_tls("[SSL] record layer failure (_ssl.c:1033)")
NO_BUNDLE = OSError("Could not find a suitable TLS CA certificate bundle, invalid path: /none")


@pytest.mark.parametrize(
    ("error", "told", "for_good", "never_sent"),
    [
        (UNTRUSTED, "its TLS certificate was not accepted", True, False),
        (PLAIN, "it does not speak TLS", True, False),
        (PLAIN_SINCE_OPENSSL_3_2, "it does not speak TLS", False, False),
        (PLAIN_TO_AN_OLDER_PYTHON, "it does not speak TLS", False, False),
        (
            exceptions.ProxyError(MaxRetryError(None, "x")),  # type: ignore[arg-type]
            "the proxy that HTTPS_PROXY or HTTP_PROXY names did not connect",
            False,
            False,
        ),
        (
            exceptions.InvalidURL("x"),
            "HTTPS_PROXY or HTTP_PROXY is not the address of a proxy",
            True,
            False,
        ),
        (
            exceptions.InvalidSchema("x"),
            "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names a kind of proxy that is not supported",
            True,
            False,
        ),
        (SLOW, "connecting timed out", False, True),
        (requests.ReadTimeout("x"), "it timed out", False, False),
        (
            exceptions.ContentDecodingError("x"),
            "the response does not have the encoding that its headers name",
            False,
            False,
        ),
        (REFUSED, "no connection (Connection refused)", False, True),
        (
            requests.ConnectionError(NewConnectionError(None, "x: Connection refused")),  # type: ignore[arg-type]
            "no connection (Connection refused)",
            False,
            True,
        ),
        (requests.ConnectionError("x: y"), "the connection failed or was closed", False, False),
        (requests.ConnectionError(), "the connection failed or was closed", False, False),
        (exceptions.ChunkedEncodingError("http://x?sig=s"), "ChunkedEncodingError", False, False),
        (
            NO_BUNDLE,
            "the file that REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names does not exist",
            True,
            False,
        ),
        (OSError(5, "Input/output error"), "Input/output error", True, False),
        (OSError("anything"), "OSError", True, False),
        (ConnectionResetError(104, "reset"), "reset", False, False),
        (TimeoutError(), "TimeoutError", False, False),
    ],
)
def test_why_no_answer_came(error: OSError, told: str, for_good: bool, never_sent: bool) -> None:
    assert describe(error) == told
    assert is_for_good(error) is for_good
    assert is_connect_failure(error) is never_sent


def test_tls_that_breaks_off_may_hold_the_next_time() -> None:
    assert not is_for_good(of_tls("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF"))
