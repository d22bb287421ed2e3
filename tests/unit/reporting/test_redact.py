"""What is crossed out, and what is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.reporting.redact import redact

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
    assert redact(f"it says {VALUE}!", {name: VALUE}) == "it says ***!"


@pytest.mark.parametrize(
    "name",
    ["PWD", "OLDPWD", "PATH", "KEYCLOAK_REALM", "PATTERN", "AUTHOR", "BYPASS", "COMPASS_URL", "CI"],
)
def test_names_of_other_things(name: str) -> None:
    assert redact("deploy of production failed", {name: "production"}).startswith("deploy of prod")


def test_short_words_are_no_secrets() -> None:
    assert redact("a true story of 1234567", {"TOKEN": "true 1234567"}).endswith("of 1234567")


def test_each_line_of_a_secret() -> None:
    key = "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\nqKtz8abcdef\n"
    assert redact("line 2: qKtz8abcdef", {"SSH_KEY": key}) == "line 2: ***"


def test_the_longest_first() -> None:
    variables = {"A_TOKEN": "abcdefgh", "B_TOKEN": "abcdefghijkl"}
    assert redact("abcdefghijkl abcdefgh", variables) == "*** ***"


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
    assert redact(url, {}) == shown
    assert redact(f"({url})", {}) == f"({shown})"


@pytest.mark.parametrize("piece", ["a.", "a", "https://", "x://a@", "a:", "@", "a+-", "://"])
def test_long_lines_take_no_longer_than_they_are(piece: str) -> None:
    """A pattern that tries again at each character would take minutes here."""
    assert len(redact(piece * 500_000, {"TOKEN": "abcdefgh"})) > 100


@given(st.text(), st.text(alphabet=st.characters(exclude_categories=["Z", "C"]), min_size=8))
def test_no_secret_is_left(text: str, secret: str) -> None:
    shown = redact(f"{text}{secret}{text}", {"TOKEN": secret})
    assert secret not in shown or secret in "***" * len(secret)
