"""What is sent as a token, and what is not."""

from __future__ import annotations

import pytest
import requests

from astro_ci.errors import AuthenticationError
from astro_ci.web.auth import BearerAuth, NoAuth
from astro_ci.web.session import open_session


def prepared() -> requests.PreparedRequest:
    return requests.Request("GET", "http://127.0.0.1/").prepare()


def test_a_token_is_a_header() -> None:
    sent = BearerAuth(lambda: "abc.DEF-1_2~3+/=")(prepared())
    assert sent.headers["Authorization"] == "Bearer abc.DEF-1_2~3+/="


@pytest.mark.parametrize("token", ["", "a b", "a\n", '"a"', "a\r\nX: y", "é"])
def test_what_is_no_token_is_not_sent(token: str) -> None:
    request = prepared()
    with pytest.raises(AuthenticationError) as caught:
        BearerAuth(lambda: token)(request)
    assert caught.value.message == (
        "the token contains characters that are not allowed in a token, such as a line break "
        "or a quote"
    )
    assert caught.value.hint == (
        "Store only the token's text, as it was shown when it was created."
    )
    assert "Authorization" not in request.headers


def test_a_session_has_no_credentials_of_its_own() -> None:
    with open_session() as session:
        assert isinstance(session.auth, NoAuth)
    assert "Authorization" not in NoAuth()(prepared()).headers
