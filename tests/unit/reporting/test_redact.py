"""What is crossed out, and what is not."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from astro_ci.reporting.documents import as_json, plan_document
from astro_ci.reporting.markdown.escaping import code, escape
from astro_ci.reporting.redact import Redactor
from tests.unit.reporting.samples import PLAN

VALUE = "hunter2hunter2"


@pytest.mark.parametrize(
    "name",
    [
        *("ASTRO_API_TOKEN", "NPMTOKEN", "DB_PASSWORD", "SSHPASSWD", "DB_PASS", "PASS", "DB_PWD"),
        *("INDEX_PW", "GITHUB_PAT", "BASIC_AUTH", "AWS_SECRET_ACCESS_KEY", "DEPLOYKEY", "KEY2"),
        *("APIKEY", "GPG_PASSPHRASE", "CREDENTIALS", "aws_credential_file", "AUTH", "KEYS"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert Redactor({name: VALUE})(f"it says {VALUE}!") == "it says ***!"


@pytest.mark.parametrize(
    "name",
    ["PWD", "OLDPWD", "PATH", "KEYCLOAK_REALM", "PATTERN", "AUTHOR", "BYPASS", "COMPASS_URL", "CI"],
)
def test_names_of_other_things(name: str) -> None:
    assert Redactor({name: "production"})("deploy of production failed").startswith(
        "deploy of prod"
    )


def test_short_words_are_no_secrets() -> None:
    assert Redactor({"TOKEN": "true 1234567"})("a true story of 1234567").endswith("of 1234567")


def test_each_line_of_a_secret() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nqKtz8abcdef\n"
    assert Redactor({"SSH_KEY": key})("line 2: qKtz8abcdef") == "line 2: ***"


def test_the_longest_first() -> None:
    variables = {"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefghijkl"}
    assert Redactor(variables)("abcdefghijkl abcdefgh") == "*** ***"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:secret@db.example.com/x", "https://***@db.example.com/x"),
        ("https://ghp_abcdef@github.com/a/b", "https://***@github.com/a/b"),
        ("postgresql+psycopg2://me:p@ss@db/x", "postgresql+psycopg2://***@db/x"),
        ("https://:only@host", "https://***@host"),
        ("HTTPS://ME:SECRET@HOST", "HTTPS://***@HOST"),
        ("ssh://git@github.com/a/b", "ssh://git@github.com/a/b"),
        ("https://host/@scope/package", "https://host/@scope/package"),
        ("https://host:8080/x?y=a@b.c", "https://host:8080/x?y=a@b.c"),
        ("see https://host and mail me@host", "see https://host and mail me@host"),
    ],
)
def test_who_a_url_logs_in_as(url: str, shown: str) -> None:
    assert Redactor({})(url) == shown
    assert Redactor({})(f"({url})") == f"({shown})"


@pytest.mark.parametrize("piece", ["a.", "a", "https://", "x://a@", "a:", "@", "a+-", "://"])
def test_long_lines_take_no_longer_than_they_are(piece: str) -> None:
    """A pattern that tries again at each character would take minutes here."""
    assert len(Redactor({"TOKEN": "abcdefgh"})(piece * 500_000)) > 100


@given(st.text(), st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=8))
def test_no_secret_is_left(text: str, secret: str) -> None:
    shown = Redactor({"TOKEN": secret})(f"{text}{secret}{text}")
    assert secret not in shown or secret in "***" * len(secret)


SECRETS = st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=8, max_size=40)
WRITTEN: dict[str, Callable[[str], str]] = {
    "json": json.dumps,
    "json in json": lambda text: json.dumps({"message": json.dumps({"said": text})}),
    "json, not ASCII": lambda text: json.dumps([text], ensure_ascii=False),
    "url": quote,
    "whole url": lambda text: quote(text, safe=""),
    "python": repr,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "basic": lambda text: base64.b64encode(f"cli:{text}".encode()).decode(),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(f"xy{text}z".encode()).decode(),
}


@pytest.mark.parametrize("how", WRITTEN)
@given(SECRETS)
@example('pass"word\\with/all+of=it%20&co')
def test_every_spelling(how: str, secret: str) -> None:
    written = WRITTEN[how](secret)
    shown = Redactor({"TOKEN": secret})(f"GET {written} failed")
    assert "***" in shown
    assert written not in shown or written in "***" * len(written)


@given(SECRETS, st.sampled_from([" ", "x", "_", ""]), st.sampled_from([escape, code]))
@example("-_abc-_def_", " ", escape)
def test_markdown_is_searched_as_it_is_written(
    secret: str, edge: str, write: Callable[[str], str]
) -> None:
    shown = Redactor({"TOKEN": secret}).markdown(write(f"{edge}{secret}{edge}"))
    seen = html.unescape(shown).replace("\N{ZERO WIDTH SPACE}", "")
    assert secret not in seen or secret in "***" * len(secret)


def test_the_passwords_of_proxies_and_indexes() -> None:
    env = {
        "HTTPS_PROXY": "http://me:proxy%2Fpassword@proxy:3128",
        "ALL_PROXY": "me:without-a-scheme@proxy:3128",
        "PIP_INDEX_URL": "https://__token__:pypi-password@index.example.com/simple",
        "ORIGIN": "https://ghp_0123456789abcdef0123@github.com/a/b",
    }
    said = "proxy%2Fpassword proxy/password without-a-scheme pypi-password ghp_0123456789abcdef0123"
    assert Redactor(env)(said) == "*** *** *** *** ***"


def test_the_secrets_of_a_json_document() -> None:
    login = base64.b64encode(b"me:registry-password").decode()
    account = json.dumps({"auths": {"registry.example.com": {"auth": login}}})
    redact = Redactor({"DOCKER_AUTH_CONFIG": account})
    assert redact(f"{login} registry-password") == "*** ***"
    assert redact("registry.example.com refused") == "registry.example.com refused"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("PUT https://x/y?sv=1&sig=abc%2Bdef&se=2", "PUT https://x/y?sv=1&sig=***&se=2"),
        ("Authorization: Basic Y2xpOnB3", "Authorization: Basic ***"),
        ("AUTHORIZATION=bearer abc", "AUTHORIZATION=bearer ***"),
        ('{"authorization": "Bearer abc"}', '{"authorization": "Bearer ***"}'),
        ("got eyJhbGciOi.eyJleHAiOj.c2ln", "got ***"),
        ("basic authentication is not used", "basic authentication is not used"),
        ("design=1 and sig = 2", "design=1 and sig = 2"),
        ("http://u:PW@[x is not a URL", "http://***@[x is not a URL"),
        ("https:\\/\\/u:PW@host", "https:\\/\\/***@host"),
    ],
)
def test_what_is_secret_by_its_shape(text: str, shown: str) -> None:
    assert Redactor()(text) == shown


def test_a_secret_that_was_cut() -> None:
    token = "0123456789abcdefghijklmnopqrstuvwxyz"
    redact = Redactor({"ASTRO_API_TOKEN": token})
    assert redact(f"it said {token[:20]}…") == "it said ***…"
    assert redact("it said 0123456789abcde") == "it said 0123456789abcde"


def test_the_beginning_of_a_url_is_no_secret() -> None:
    redact = Redactor()
    redact.learn("https://store.example.com/bundles?sv=1&sig=abcdefgh")
    assert redact("see https://store.example.com/other") == "see https://store.example.com/other"


def test_what_a_run_learns() -> None:
    redact = Redactor()
    assert redact("exchanged-token") == "exchanged-token"
    redact.learn("exchanged-token")
    redact.suspect("machine example.com login me password build-secret-1\n")
    assert redact("exchanged-token for the password build-secret-1") == "*** for the password ***"


class TestDocuments:
    """A document is right, whatever words somebody took for a password."""

    def test_keys_and_our_words_stay(self) -> None:
        env = {"A_PASSWORD": "deploy_type", "B_PASSWORD": "image-and-dags", "C_SECRET": "deployed"}
        document = {
            "schema": 1,
            "deploy_type": "image-and-dags",
            "outcome": "deployed",
            "reason": "deployed",
        }
        text = Redactor(env)(as_json(document))
        assert json.loads(text) == {**document, "reason": "***"}

    def test_names_stay_when_a_word_is_only_suspected(self) -> None:
        env = {"DB_PASSWORD": "a" * 40, "APP_SECRET": "customers", "KEY": "production"}
        document = plan_document(PLAN)
        document["deployment"]["name"] = "production"
        document["changes"] = [{"path": "dags/customers.py", "because": "like customers"}]
        document["assumptions"] = ["production is taken for production"]
        shown = json.loads(Redactor(env)(as_json(document)))
        assert shown["head"] == "a" * 40
        assert shown["deployment"]["name"] == "production"
        assert shown["changes"] == [{"path": "dags/customers.py", "because": "like ***"}]
        assert shown["assumptions"] == ["*** is taken for ***"]

    def test_credentials_go_even_from_names(self) -> None:
        redact = Redactor({"ASTRO_API_TOKEN": VALUE})
        shown = json.loads(
            redact(as_json({"schema": 1, "deploy_id": VALUE, "path": f"dags/{VALUE}.py"}))
        )
        assert shown == {"schema": 1, "deploy_id": "***", "path": "dags/***.py"}

    def test_outputs_go_by_their_name(self) -> None:
        redact = Redactor({"KEY": "production", "PASSWORD": "deployed"})
        plan = as_json({"schema": 1, "deployment": {"name": "production"}, "reason": "production"})
        assert redact.field("outcome", "deployed") == "deployed"
        assert redact.field("deploy-id", "production") == "production"
        assert redact.field("reason", "production is old") == "*** is old"
        assert json.loads(redact.field("plan", plan)) == {
            "schema": 1,
            "deployment": {"name": "production"},
            "reason": "***",
        }

    @given(st.text(min_size=8), st.text(), st.text())
    def test_a_document_stays_one(self, secret: str, key: str, text: str) -> None:
        document = {"schema": 1, key: [f"{text}{secret}", {"message": secret}], "exit_code": 4}
        shown = json.loads(Redactor({"TOKEN": secret, "ASTRO_API_TOKEN": text})(as_json(document)))
        assert shown.keys() == document.keys()
        assert shown["exit_code"] == 4

    def test_text_that_only_begins_like_one(self) -> None:
        redact = Redactor({"KEY": VALUE})
        assert redact('{"schema": 1, ' + VALUE) == '{"schema": 1, ***'
        assert "***" in redact('{"schema": ' + "[" * 100_000 + VALUE)


def test_thousands_of_secrets_in_a_long_text() -> None:
    """A file of secrets against a build's log: a search for each would take minutes."""
    secrets = [f"{number:05d}-{number * 7919 % 10007:05d}-secret" for number in range(20_000)]
    redact = Redactor()
    redact.suspect("\n".join(secrets))
    text = " ".join([*secrets[::100], "nothing at all " * 20_000])
    assert redact(text).startswith("*** *** ***")
