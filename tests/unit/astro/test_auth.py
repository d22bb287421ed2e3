from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from astro_ci.astro.auth import Credentials, find_credentials, missing_credentials, read_claims
from astro_ci.astro.endpoint import find_endpoint
from astro_ci.errors import AuthenticationError, ConfigurationError, UnavailableError
from astro_ci.web.auth import NoAuth
from astro_ci.web.http import Http
from astro_ci.web.session import Patience
from tests.unit.web.server import Answer, Script, serving

NOW = 1_800_000_000.0
SECRET = "key-secret-value"


def jwt(**claims: Any) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.signature"


PERMISSIONS = ["apiTokenId:t1", "organizationId:org1", "workspaceId:ws1", "workspaceId:ws2"]
TOKEN = jwt(exp=NOW + 60, permissions=PERMISSIONS)


def no_login() -> Http:
    raise AssertionError("nothing is to be exchanged")


def find(
    env: dict[str, str],
    *,
    login: Callable[[], Http] = no_login,
    now: Callable[[], float] = lambda: NOW,
    home: Path | None = None,
    domain: str = "astronomer.io",
) -> Credentials | None:
    env = env if home is None else {**env, "HOME": str(home)}
    return find_credentials(env, login=login, domain=domain, now=now)


class TestApiToken:
    def test_is_taken_as_it_is(self) -> None:
        found = find({"ASTRO_API_TOKEN": TOKEN})
        assert found is not None
        assert (found.kind, found.token()) == ("API token", TOKEN)
        assert found.organization_id == "org1"
        assert found.workspace_id is None, "two Workspaces are no choice"

    @pytest.mark.parametrize("spelled", [f"Bearer {TOKEN}", f"  {TOKEN}\n", f"bearer  {TOKEN}"])
    def test_is_forgiven_how_it_was_pasted(self, spelled: str) -> None:
        found = find({"ASTRO_API_TOKEN": spelled})
        assert found is not None
        assert found.token() == TOKEN

    @pytest.mark.parametrize("left", ["$(ASTRO_API_TOKEN)", "$ASTRO_API_TOKEN", "${TOKEN}\n"])
    def test_a_reference_to_a_secret_that_is_not_there_is_none(self, left: str) -> None:
        assert find({"ASTRO_API_TOKEN": left}) is None

    @pytest.mark.parametrize(
        ("token", "message", "hint"),
        [
            ("cl123", "is not a token: it should be three parts", "as it was shown"),
            (f"{TOKEN}\n# mine", "is not a token: it should be three parts", "as it was shown"),
            (f"{TOKEN[:-3]}\r\n{TOKEN[-3:]}", "is not a token: it should", "as it was shown"),
            (f"{TOKEN}…", "is not a token: it should be three parts", "as it was shown"),
            ("a.b", "is not a token", "as it was shown"),
            ("a.b.c", "is not a token", "as it was shown"),
            ("a.ü.c", "is not a token", "as it was shown"),
            (f"x.{base64.b64encode(b'[1]').decode()}.y", "is not a token", "as it was shown"),
            (jwt(exp=NOW + 60), "is not an Astro API token", "Create an Organization"),
            (jwt(exp=NOW + 60, permissions="all"), "is not an Astro API token", "Create"),
            (jwt(exp=NOW, permissions=PERMISSIONS), "expired on 2027-01-15 08:00 UTC", "new API"),
        ],
    )
    def test_is_refused_before_anything_starts(self, token: str, message: str, hint: str) -> None:
        with pytest.raises(AuthenticationError, match=message) as caught:
            find({"ASTRO_API_TOKEN": token})
        assert hint in caught.value.hint
        assert caught.value.exit_code == 9
        assert token not in str(caught.value)

    def test_without_an_end_does_not_expire(self) -> None:
        assert find({"ASTRO_API_TOKEN": jwt(permissions=PERMISSIONS)})

    def test_comes_first(self) -> None:
        env = {"ASTRO_API_TOKEN": TOKEN, "ASTRONOMER_KEY_ID": "a", "ASTRONOMER_KEY_SECRET": "b"}
        found = find(env)
        assert found is not None
        assert found.kind == "API token"

    def test_an_empty_variable_is_no_token(self) -> None:
        assert find({"ASTRO_API_TOKEN": " "}) is None


class TestDeploymentApiKey:
    ENV = {"ASTRONOMER_KEY_ID": "key-id", "ASTRONOMER_KEY_SECRET": SECRET}  # noqa: RUF012

    def exchange(self, script: Script, now: Callable[[], float] = lambda: NOW) -> Credentials:
        script.answers = [
            Answer({"clientId": "x", "audience": "y", "domainUrl": f"{script.url}/"}),
            *script.answers,
        ]
        found = find(self.ENV, login=lambda: self.http(script.url), now=now)
        assert found is not None
        return found

    @staticmethod
    def http(url: str) -> Http:
        return Http(url, NoAuth(), Patience(sleep=lambda seconds: None))

    def test_is_exchanged_for_a_token(self) -> None:
        answer = Answer({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        with serving(answer) as script:
            found = self.exchange(script)
            assert found.token() == TOKEN
        assert [request[:2] for request in script.requests] == [
            ("GET", "/private/v1alpha1/cli/auth-config"),
            ("POST", "/oauth/token"),
        ]
        form = script.requests[1][3].decode()
        assert form == (
            f"client_id=key-id&client_secret={SECRET}"
            "&audience=astronomer-ee&grant_type=client_credentials"
        )
        assert "Authorization" not in script.requests[1][2]
        assert (found.kind, found.organization_id) == ("Deployment API key", "org1")
        assert "ASTRO_API_TOKEN" in found.notice

    def test_is_renewed_before_the_token_runs_out(self) -> None:
        clock = [NOW]
        with serving(Answer({"access_token": "one", "expires_in": 3600})) as script:
            found = self.exchange(script, now=lambda: clock[0])
            clock[0] += 3000
            assert found.token() == "one"
            script.answers = [
                Answer({"domainUrl": f"{script.url}/"}),
                Answer({"access_token": "two", "expires_in": 3600}),
            ]
            clock[0] += 400
            assert found.token() == "two"
            assert found.token() == "two"
        assert sum(request[1] == "/oauth/token" for request in script.requests) == 2

    def test_a_token_of_seconds_is_not_exchanged_at_every_call(self) -> None:
        clock = [NOW]
        with serving(Answer({"access_token": "one", "expires_in": 10})) as script:
            found = self.exchange(script, now=lambda: clock[0])
            for _ in range(4):
                found.token()
                clock[0] += 1
        assert sum(request[1] == "/oauth/token" for request in script.requests) == 1

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_refused_keys(self, status: int) -> None:
        body = {"error": "access_denied", "error_description": "Unauthorized"}
        with (
            serving(Answer(body, status)) as script,
            pytest.raises(
                AuthenticationError, match=r"refused ASTRONOMER_KEY_ID.*Unauthorized"
            ) as caught,
        ):
            self.exchange(script)
        assert SECRET not in str(caught.value) + caught.value.hint

    def test_a_service_that_is_down_is_no_refusal(self) -> None:
        with serving(Answer(status=503)) as script, pytest.raises(UnavailableError):
            self.exchange(script)

    @pytest.mark.parametrize(
        ("there", "missing"),
        [
            ("ASTRONOMER_KEY_ID", "ASTRONOMER_KEY_SECRET"),
            ("ASTRONOMER_KEY_SECRET", "ASTRONOMER_KEY_ID"),
        ],
    )
    def test_half_a_key(self, there: str, missing: str) -> None:
        with pytest.raises(AuthenticationError, match=f"{there} is set, and {missing} is not"):
            find({there: SECRET}, login=lambda: self.http("http://127.0.0.1:1"))


class TestLoginSession:
    def write(self, home: Path, text: str) -> Path:
        path = home / ".astro" / "config.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return path

    def config(self, token: str, *, upper: bool = False) -> str:
        keys = (
            ("Token", "Organization", "Workspace")
            if upper
            else ("token", "organization", "workspace")
        )
        return (
            "context: astronomer.io\ncontexts:\n  astronomer_io:\n"
            f"    {keys[0]}: Bearer {token}\n    {keys[1]}: org9\n    {keys[2]}: ws9\n"
        )

    @pytest.mark.parametrize("upper", [False, True])
    def test_is_read_and_left_as_it_is(self, tmp_path: Path, upper: bool) -> None:
        path = self.write(tmp_path, self.config(TOKEN, upper=upper))
        before = path.read_bytes()
        found = find({}, home=tmp_path)
        assert found is not None
        assert (found.kind, found.token()) == ("astro login", TOKEN)
        assert (found.organization_id, found.workspace_id) == ("org9", "ws9")
        assert path.read_bytes() == before

    def test_astro_home_moves_it(self, tmp_path: Path) -> None:
        self.write(tmp_path, self.config(TOKEN))
        assert find({"ASTRO_HOME": str(tmp_path)}) is not None

    def test_is_of_one_domain(self, tmp_path: Path) -> None:
        self.write(tmp_path, self.config(TOKEN))
        assert find({}, home=tmp_path, domain="localhost") is None

    def test_expired(self, tmp_path: Path) -> None:
        self.write(tmp_path, self.config(jwt(exp=NOW - 1)))
        with pytest.raises(AuthenticationError, match="session of `astro login` expired") as caught:
            find({}, home=tmp_path)
        assert caught.value.hint == "Run `astro login` again."

    @pytest.mark.parametrize("text", ["", "- 1", "contexts: 5", "contexts:\n  astronomer_io: x"])
    def test_none_in_an_odd_file(self, tmp_path: Path, text: str) -> None:
        self.write(tmp_path, text)
        assert find({}, home=tmp_path) is None

    def test_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        self.write(tmp_path, "a: [")
        with pytest.raises(AuthenticationError, match=r"config\.yaml cannot be read"):
            find({}, home=tmp_path)


def test_no_credentials_at_all() -> None:
    assert find({}) is None
    error = missing_credentials("Create the secret under Settings.")
    assert "neither ASTRO_API_TOKEN nor" in str(error)
    assert error.hint.startswith("Create an API token in the Astro UI: under Deployment > Access")
    assert error.hint.endswith(" Create the secret under Settings.")


def test_no_credentials_show_their_token() -> None:
    assert TOKEN not in repr(find({"ASTRO_API_TOKEN": TOKEN}))


def test_claims_of_what_is_no_token() -> None:
    assert read_claims("") is None
    assert read_claims("a.e30.c") is not None


class TestEndpoint:
    @pytest.mark.parametrize(
        ("env", "api_url", "page"),
        [
            ({}, "https://api.astronomer.io", "https://cloud.astronomer.io/w/deployments/d"),
            ({"ASTRO_DOMAIN": "localhost"}, "http://localhost:8888", "http://localhost:8888/w/deployments/d"),
            ({"ASTRO_DOMAIN": "astro.example.com"}, "https://api.astro.example.com",
             "https://cloud.astro.example.com/w/deployments/d"),
            ({"ASTRO_API_URL": "http://127.0.0.1:5/"}, "http://127.0.0.1:5",
             "http://127.0.0.1:5/w/deployments/d"),
            ({"ASTRO_API_URL": "https://api.example.com/v1"}, "https://api.example.com",
             "https://cloud.astronomer.io/w/deployments/d"),
        ],
    )  # fmt: skip
    def test_find(self, env: dict[str, str], api_url: str, page: str) -> None:
        endpoint = find_endpoint(env)
        assert (endpoint.api_url, endpoint.deployment_url("w", "d")) == (api_url, page)

    @pytest.mark.parametrize(
        "url",
        [
            "api.example.com",
            "ftp://x",
            "https://",
            "http:///v1",
            "https://x:99999",
            "https://x:abc",
            "https://x?y=1",
            "http://localhost:1#@x",
        ],
    )
    def test_refuses_what_is_no_url(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="not a URL"):
            find_endpoint({"ASTRO_API_URL": url})

    @pytest.mark.parametrize(
        "host",
        ["api.example.com", "127.evil.example.com", "127.0.0.1.example.com", "[2001:db8::1]"],
    )
    def test_refuses_to_send_a_token_in_clear_text(self, host: str) -> None:
        with pytest.raises(ConfigurationError, match="unencrypted"):
            find_endpoint({"ASTRO_API_URL": f"http://{host}"})

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.8.9.1:80", "[::1]:5", "localhost", "a.localhost"]
    )
    def test_a_machine_may_talk_to_itself(self, host: str) -> None:
        assert find_endpoint({"ASTRO_API_URL": f"http://{host}"}).domain == "localhost"

    def test_refuses_a_password_and_does_not_repeat_it(self) -> None:
        with pytest.raises(ConfigurationError, match="a user or a password") as caught:
            find_endpoint({"ASTRO_API_URL": "https://me:hunter2@api.example.com"})
        assert "hunter2" not in caught.value.message + caught.value.hint

    @pytest.mark.parametrize(
        "domain",
        ["https://cloud.astronomer.io", "astronomer.io/", "localhost:8888", "a b", ".", "é.io"],
    )
    def test_refuses_what_is_no_domain(self, domain: str) -> None:
        with pytest.raises(ConfigurationError, match="not a domain name"):
            find_endpoint({"ASTRO_DOMAIN": domain})

    def test_forgives_white_space(self) -> None:
        assert find_endpoint({"ASTRO_DOMAIN": " astronomer.io\n"}).domain == "astronomer.io"
