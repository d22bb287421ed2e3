from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from requests.exceptions import ChunkedEncodingError

from astro_ci.astro.client import AstroClient, list_organization_ids
from astro_ci.errors import ApiError, AuthenticationError, NotFoundError, UnavailableError
from astro_ci.web.auth import BearerAuth
from astro_ci.web.failure import describe
from astro_ci.web.http import Http
from astro_ci.web.retry import ATTEMPTS
from astro_ci.web.session import Patience
from tests.tls import serving_tls
from tests.unit.web.server import Answer, serving

TOKEN = "the.secret.token"
OK = Answer({"ok": True})


class Pauses(list[float]):
    """A sleep that only remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def http(url: str, pauses: Pauses | None = None, timeout: float = 5.0) -> Http:
    sleep = pauses if pauses is not None else Pauses()
    patience = Patience(sleep=sleep, timeout_seconds=(timeout, timeout))
    return Http(url, BearerAuth(lambda: TOKEN), patience)


def get(client: Http) -> bytes:
    return client.get("/v1/thing")


def post(client: Http) -> bytes:
    return client.post("/v1/thing", json={"a": 1})


class TestRequests:
    def test_say_who_we_are(self) -> None:
        with serving(OK) as script:
            get(http(script.url))
        method, path, headers, _ = script.requests[0]
        assert (method, path) == ("GET", "/v1/thing")
        assert headers["Authorization"] == f"Bearer {TOKEN}"
        assert headers["X-Astro-Client-Identifier"] == "cli"
        assert headers["X-Astro-Client-Version"]
        assert headers["User-Agent"].startswith("astro-ci/")
        assert headers["Accept"] == "application/json"

    def test_have_a_method_a_body_and_an_address(self) -> None:
        with serving(OK) as script:
            client = http("http://127.0.0.1:1")
            post(http(script.url))
            client.post_form(f"{script.url}/oauth/token", {"client_id": "a b"})
        sent = [(method, path, body) for method, path, _, body in script.requests]
        assert sent == [
            ("POST", "/v1/thing", b'{"a": 1}'),
            ("POST", "/oauth/token", b"client_id=a+b"),
        ]

    def test_never_take_credentials_from_netrc(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login someone password else\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        with serving(OK) as script:
            get(http(script.url))
        assert script.requests[0][2]["Authorization"] == f"Bearer {TOKEN}"

    def test_follow_no_redirects(self) -> None:
        with (
            serving(Answer(status=302, headers={"Location": "http://127.0.0.1:1/"})) as script,
            pytest.raises(ApiError, match="answered 302"),
        ):
            get(http(script.url))


class TestNeverSent:
    """What fails before a request leaves says so, once, and in words that help."""

    @pytest.mark.parametrize("token", ["a b", "a\r\nX-Evil: 1", "tokén", "", '"quoted"'])
    def test_what_is_no_token(self, token: str) -> None:
        client = Http("http://127.0.0.1:1", BearerAuth(lambda: token), Patience(sleep=Pauses()))
        with pytest.raises(AuthenticationError, match="characters that are not allowed") as caught:
            get(client)
        assert not token or token not in str(caught.value)

    @pytest.mark.parametrize(
        ("variable", "value", "message"),
        [
            ("REQUESTS_CA_BUNDLE", "/nonexistent/ca.pem", "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE"),
            (
                "HTTPS_PROXY",
                "http://[bad",
                "HTTPS_PROXY or HTTP_PROXY is not the address of a proxy",
            ),
            ("HTTPS_PROXY", "socks5://127.0.0.1:1", "names a kind of proxy that is not supported"),
        ],
    )
    def test_a_variable_that_misleads(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
    ) -> None:
        for name in ("NO_PROXY", "no_proxy", "HTTPS_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(variable, value)
        pauses = Pauses()
        with pytest.raises(ApiError, match=message):
            get(http("https://astro.example.com", pauses))
        assert pauses == []

    def test_a_proxy_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", "http://me:hunter2@127.0.0.1:1")
        with pytest.raises(UnavailableError, match="the proxy that HTTPS_PROXY") as caught:
            get(http("https://astro.example.com"))
        assert "hunter2" not in str(caught.value)

    def test_what_does_not_speak_tls(self) -> None:
        pauses = Pauses()
        with serving(OK) as script, pytest.raises(ApiError, match="it does not speak TLS"):
            get(http(script.url.replace("http:", "https:"), pauses))
        if ssl.OPENSSL_VERSION_INFO < (3, 2):  # later ones say what a broken connection says, too
            assert pauses == []

    def test_a_certificate_that_nobody_vouches_for(self, certificate: Path) -> None:
        pauses = Pauses()
        with serving_tls(certificate) as url, pytest.raises(ApiError) as caught:
            http("http://127.0.0.1:1", pauses).get(f"{url}/v1/a thing")
        assert caught.value.message == (
            f"GET {url}/v1/a thing got no answer: its TLS certificate was not accepted"
        )
        assert caught.value.hint == (
            "Set REQUESTS_CA_BUNDLE to a file with the certificate authority of localhost and the "
            "public ones."
        )
        assert pauses == []


class TestRetries:
    def test_who_asks_again_anyway_is_impatient(self) -> None:
        pauses = Pauses()
        with (
            serving(Answer(delay_seconds=1.0)) as script,
            pytest.raises(UnavailableError, match="it timed out"),
        ):
            get(http(script.url, pauses).within(0.1))
        assert (len(script.requests), pauses) == (1, [])

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_a_get_is_repeated(self, status: int) -> None:
        pauses = Pauses()
        with serving(Answer(status=status), Answer(status=status), OK) as script:
            assert get(http(script.url, pauses)) == b'{"ok": true}'
        assert len(script.requests) == 3
        assert 0 < pauses[0] <= 2 < pauses[1] * 2 <= 8

    def test_not_for_ever(self) -> None:
        with (
            serving(Answer({"message": "down", "requestId": "r-9"}, 500)) as script,
            pytest.raises(
                UnavailableError, match=r"answered 500: down \(request id r-9\)"
            ) as caught,
        ):
            get(http(script.url))
        assert len(script.requests) == ATTEMPTS
        assert "run the job again" in caught.value.hint

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
    def test_what_will_not_change_is_not_repeated(self, status: int) -> None:
        with (
            serving(Answer({"message": "no"}, status)) as script,
            pytest.raises((ApiError, AuthenticationError)),
        ):
            get(http(script.url))
        assert len(script.requests) == 1

    @pytest.mark.parametrize(
        ("asked", "least", "most"),
        [
            ("7", 7, 7),
            ("0", 0, 0),
            ("100", 100, 100),
            ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
            *((nonsense, 1, 2) for nonsense in ("", "soon", "nan", "inf", "1e999", "99999999 GMT")),
        ],
    )
    def test_retry_after_is_honoured(self, asked: str, least: float, most: float) -> None:
        pauses = Pauses()
        with serving(Answer(status=429, headers={"Retry-After": asked}), OK) as script:
            get(http(script.url, pauses))
        (pause,) = pauses
        assert least <= pause <= most

    def test_it_may_be_a_date(self) -> None:
        pauses, later = Pauses(), datetime.now(UTC) + timedelta(seconds=200)
        asked = {"Retry-After": format_datetime(later, usegmt=True)}
        with serving(Answer(status=429, headers=asked), OK) as script:
            get(http(script.url, pauses))
        (pause,) = pauses
        assert 100 <= pause <= 200

    def test_who_asks_for_too_long_is_not_asked_again(self) -> None:
        with (
            serving(Answer(status=503, headers={"Retry-After": "3600"}), OK) as script,
            pytest.raises(UnavailableError),
        ):
            get(http(script.url))
        assert len(script.requests) == 1

    @pytest.mark.parametrize("status", [500, 502, 503, 520, 599, 408])
    def test_a_post_that_may_have_worked_is_not_repeated(self, status: int) -> None:
        with serving(Answer(status=status), OK) as script, pytest.raises(UnavailableError):
            post(http(script.url))
        assert len(script.requests) == 1

    def test_a_post_whose_answer_was_lost_is_not_repeated(self) -> None:
        with serving(Answer(drop=True), OK) as script, pytest.raises(UnavailableError) as caught:
            post(http(script.url))
        assert len(script.requests) == 1
        assert not caught.value.never_arrived
        assert str(caught.value).endswith("got no answer: the connection failed or was closed")

    def test_an_answer_that_breaks_off_is_told_without_its_address(self) -> None:
        """The words of the exception may hold the whole URL, which can be a secret."""
        cut = ChunkedEncodingError(104, "https://store.example.com/?sig=secret")
        assert describe(cut) == "ChunkedEncodingError"

    def test_multiple_choices_are_no_success(self) -> None:
        with serving(Answer(status=300)) as script, pytest.raises(ApiError, match="answered 300"):
            get(http(script.url))

    @pytest.mark.parametrize("body", ['{"message": "slow down"}', "<html>"])
    def test_a_post_is_not_repeated_for_its_answer(self, body: str) -> None:
        """Not even after 429: the work may be done all the same."""
        with (
            serving(Answer(status=429, body=body), OK) as script,
            pytest.raises(UnavailableError) as caught,
        ):
            post(http(script.url))
        assert len(script.requests) == 1
        assert not caught.value.is_clear

    def test_a_form_that_was_turned_away_is_sent_again(self) -> None:
        with serving(Answer(status=429), OK) as script:
            http(script.url).post_form("/v1/thing", {"a": "1"})
        assert len(script.requests) == 2

    def test_a_post_that_never_arrived_is_repeated(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        pauses = Pauses()
        with pytest.raises(UnavailableError, match="Connection refused") as caught:
            post(http(url, pauses))
        assert caught.value.never_arrived
        assert len(pauses) == ATTEMPTS - 1

    def test_a_service_that_hangs_is_given_up(self) -> None:
        with (
            serving(Answer(delay_seconds=0.3)) as script,
            pytest.raises(UnavailableError, match="it timed out"),
        ):
            get(http(script.url, timeout=0.05))
        assert len(script.requests) == ATTEMPTS


class TestRefusals:
    def test_refused_credentials(self) -> None:
        body = {"message": "Invalid authorization token", "requestId": "r-1", "statusCode": 401}
        with (
            serving(Answer(body, 401)) as script,
            pytest.raises(AuthenticationError, match="refused the credentials: Invalid") as caught,
        ):
            get(http(script.url))
        assert "r-1" in str(caught.value)
        assert caught.value.exit_code == 9

    def test_not_found_and_forbidden(self) -> None:
        with serving(Answer({"message": "no"}, 404)) as script, pytest.raises(NotFoundError):
            get(http(script.url))
        with (
            serving(Answer({"message": "no"}, 403)) as script,
            pytest.raises(ApiError, match="answered 403") as caught,
        ):
            get(http(script.url))
        assert "role" in caught.value.hint

    def test_field_errors_are_shown(self) -> None:
        fields = [{"field": "description", "message": "too long"}]
        with (
            serving(Answer({"message": "bad", "fieldErrors": fields}, 400)) as script,
            pytest.raises(ApiError, match="bad - description: too long"),
        ):
            post(http(script.url))

    def test_a_proxys_page(self) -> None:
        page = Answer("<html>Sign in</html>", 403, {"Content-Type": "text/html"})
        with serving(page) as script, pytest.raises(ApiError, match="a web page instead of JSON"):
            get(http(script.url))

    @pytest.mark.parametrize(
        "body", ["", "[1", '"text"', '{"message": 1, "fieldErrors": 2}', "null"]
    )
    def test_any_body_is_survived(self, body: str) -> None:
        with serving(Answer(body, 400)) as script, pytest.raises(ApiError, match="answered 400"):
            get(http(script.url))


DEPLOYMENT = {
    "id": "cl1",
    "name": "prod",
    "organizationId": "o",
    "workspaceId": "w",
    "status": "HEALTHY",
    "isDagDeployEnabled": True,
    "someNewKey": {"ignored": True},
}


def deploys(*ids: str, total: int) -> dict[str, Any]:
    rows = [{"id": i, "type": "DAG_ONLY", "status": "DEPLOYED"} for i in ids]
    return {"deploys": rows, "totalCount": total, "offset": 0, "limit": 20}


class TestClient:
    def client(self, url: str) -> AstroClient:
        return AstroClient(http(url), "org")

    def test_unknown_keys_are_ignored(self) -> None:
        with serving(Answer(DEPLOYMENT)) as script:
            assert self.client(script.url).get_deployment("cl1").name == "prod"
        assert script.requests[0][1] == "/v1/organizations/org/deployments/cl1"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ({"id": "cl1"}, "missing required field `name`"),
            ({**DEPLOYMENT, "name": 7}, r"\$.name"),
            ("<html>hello</html>", "a web page or other text instead of JSON"),
            ("", "a web page or other text"),
        ],
    )
    def test_an_answer_that_cannot_be_read_names_the_endpoint(self, body: Any, said: str) -> None:
        with serving(Answer(body)) as script, pytest.raises(ApiError, match=said) as caught:
            self.client(script.url).get_deployment("cl1")
        assert f"GET {script.url}/v1/organizations/org/deployments/cl1" in str(caught.value)

    def test_pages_are_read_as_they_are_needed(self) -> None:
        pages = (deploys("d3", "d2", total=3), deploys("d2", "d1", total=4))
        with serving(*(Answer(page) for page in pages)) as script:
            listing = self.client(script.url).list_deploys("cl1")
            assert next(listing).id == "d3"
            assert len(script.requests) == 1
            assert [deploy.id for deploy in listing] == ["d2", "d1"], "moved pages repeat nothing"
        assert "offset=2" in script.requests[1][1]

    def test_a_first_page_that_is_here_is_not_asked_for_again(self) -> None:
        pages = (deploys("d3", "d2", total=3), deploys("d1", total=3))
        with serving(*(Answer(page) for page in pages)) as script:
            client = self.client(script.url)
            newest = client.newest_deploys("cl1")
            assert len(script.requests) == 1
            assert "offset=0&limit=20" in script.requests[0][1]
            listing = client.list_deploys("cl1", newest=newest)
            assert [deploy.id for deploy in listing] == ["d3", "d2", "d1"]
        assert [path.partition("?")[2] for _, path, _, _ in script.requests[1:]] == [
            "offset=2&limit=100"
        ]

    def test_an_empty_page_ends_the_list(self) -> None:
        with serving(Answer(deploys(total=99))) as script:
            assert list(self.client(script.url).list_deploys("cl1")) == []

    def test_deployments_are_asked_for_by_name(self) -> None:
        body = {"deployments": [DEPLOYMENT], "totalCount": 1, "offset": 0, "limit": 100}
        with serving(Answer(body)) as script:
            found = list(
                self.client(script.url).list_deployments(names=["a b"], workspace_ids=["w"])
            )
        assert [d.id for d in found] == ["cl1"]
        assert "names=a+b&workspaceIds=w" in script.requests[0][1]

    @pytest.mark.parametrize(
        ("version", "body"), [("v1", b'{"dagTarballVersion": "v1"}'), (None, b"{}")]
    )
    def test_finalize_sends_a_version_only_when_there_is_one(
        self, version: str | None, body: bytes
    ) -> None:
        answer = {"id": "d1", "type": "DAG_ONLY", "status": "DEPLOYED"}
        with serving(Answer(answer)) as script:
            self.client(script.url).finalize_deploy("cl1", "d1", bundle_version=version)
        assert script.requests[0][3] == body

    def test_organizations(self) -> None:
        body = {"organizations": [{"id": "o1"}, {"id": "o2"}], "totalCount": 2}
        with serving(Answer(body)) as script:
            assert list_organization_ids(http(script.url)) == ["o1", "o2"]


@pytest.mark.parametrize("call", [get, post])
@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
def test_no_error_holds_the_token(call: Callable[[Http], bytes], status: int) -> None:
    with (
        serving(Answer(status=status)) as script,
        pytest.raises((ApiError, AuthenticationError)) as caught,
    ):
        call(http(script.url))
    assert TOKEN not in repr(caught.value) + str(caught.value) + caught.value.hint


CREATE_TOKEN = "Create a new API token and store it as ASTRO_API_TOKEN in the CI system."
ROLE = "Give the token a role that may deploy to this Deployment, or use another token."
BUSY = "Astro is busy or down; run the job again, and see Astro's status page if it lasts."


@pytest.mark.parametrize(
    ("status", "kind", "said", "hint", "is_clear"),
    [
        (300, ApiError, "answered 300: no", "", False),
        (400, ApiError, "answered 400: no", "", True),
        (401, AuthenticationError, "refused the credentials: no", CREATE_TOKEN, None),
        (403, ApiError, "answered 403: no", ROLE, True),
        (404, NotFoundError, "answered 404: no", "", True),
        (408, UnavailableError, "answered 408: no", BUSY, False),
        (429, UnavailableError, "answered 429: no", BUSY, False),
        (499, ApiError, "answered 499: no", "", True),
        (500, UnavailableError, "answered 500: no", BUSY, False),
    ],
)
@pytest.mark.parametrize("request_id", ["", "r1"])
def test_each_refusal(
    status: int, kind: type[Exception], said: str, hint: str, is_clear: bool | None, request_id: str
) -> None:
    body = {"message": "no", "requestId": request_id}
    with serving(Answer(body, status=status)) as script, pytest.raises(kind) as caught:
        post(http(script.url))
    error = caught.value
    assert type(error) is kind
    where = f"POST {script.url}/v1/thing {said}"
    assert str(error) == where + (" (request id r1)" if request_id else "")
    assert isinstance(error, ApiError | AuthenticationError)
    assert error.hint == hint
    if isinstance(error, ApiError):
        assert (error.status, error.request_id) == (status, request_id or None)
        assert error.is_clear is is_clear


def test_a_form_that_is_refused() -> None:
    with serving(Answer({"error": "invalid_client"}, 400)) as script:
        with pytest.raises(ApiError) as caught:
            http(script.url).post_form("/oauth/token", {"a": "b"})
        assert caught.value.message == f"POST {script.url}/oauth/token answered 400: invalid_client"


def test_a_page_is_no_clear_refusal() -> None:
    with (
        serving(Answer("<p>no", status=400, headers={"Content-Type": "text/html"})) as script,
        pytest.raises(ApiError) as caught,
    ):
        post(http(script.url))
    assert caught.value.is_clear is False


def test_where_there_is_no_service() -> None:
    with pytest.raises(UnavailableError) as caught:
        post(http("http://127.0.0.1:1"))
    assert caught.value.message == (
        "POST http://127.0.0.1:1/v1/thing got no answer: no connection (Connection refused)"
    )
    assert caught.value.hint == (
        "Check the network of the job (proxy, firewall) and ASTRO_DOMAIN or ASTRO_API_URL."
    )
    assert caught.value.never_arrived


def test_an_answer_is_logged_without_its_content(caplog: pytest.LogCaptureFixture) -> None:
    with serving(OK) as script, caplog.at_level("DEBUG", logger="astro_ci"):
        get(http(script.url))
    (record,) = (one for one in caplog.records if one.name == "astro_ci.web.http")
    assert record.getMessage() == f"GET {script.url}/v1/thing: 200"
