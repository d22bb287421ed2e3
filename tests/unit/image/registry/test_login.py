from __future__ import annotations

import pytest
import requests

from astro_ci.errors import RegistryError
from astro_ci.image.registry.login import Authorizer, Login, is_loopback
from astro_ci.web.session import open_session
from tests.unit.web.server import Answer, serving

LOGIN = Login(username="bob", password=lambda: "s3cret", hint="")


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost:5000", True),
        ("127.0.0.1", True),
        ("127.1.2.3:5000", True),
        ("[::1]:5000", True),
        ("127.example.com", False),
        ("127.0.0.1.example.com:80", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_only_this_machine_may_do_without_tls(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


@pytest.mark.parametrize("realm", ["http://127.example.com/token", "http://{}\\@localhost/token"])
def test_a_login_is_not_sent_in_clear_text_to_what_looks_like_this_machine(realm: str) -> None:
    with serving(Answer({"token": "t"})) as script, open_session() as session:
        asked = Authorizer("registry.example.com", LOGIN, session, (5.0, 5.0))
        response = _challenge(realm.format(script.url.removeprefix("http://")))
        asked.learn(response)
        with pytest.raises(RegistryError, match="without TLS"):
            asked.header(("repository:a:pull",))
    assert script.requests == []


def _challenge(realm: str) -> requests.Response:
    response = requests.Response()
    quoted = realm.replace("\\", "\\\\")
    response.headers["WWW-Authenticate"] = f'Bearer realm="{quoted}"'
    return response
