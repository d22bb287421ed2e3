"""What holds for every CI system: the overrides, and what no variable can bring about."""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import asdict

from astro_ci.ci import CIContext, detect
from astro_ci.ci.lookup import ReadFile
from tests.unit.ci.context_table import ZEROS, A, B
from tests.unit.ci.systems import test_github, test_gitlab, test_others, test_teamcity

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SHA": A,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/flows",
    "GITHUB_RUN_ID": "5",
}


@pytest.mark.parametrize("env", [{}, GITHUB], ids=["none", "github"])
def test_overrides_come_first(env: dict[str, str]) -> None:
    context = detect(
        {
            **env,
            "ASTRO_CI_BASE": "main~1",
            "ASTRO_CI_HEAD": B,
            "ASTRO_CI_BRANCH": "feature/x",
            "ASTRO_CI_PR": "7",
            "ASTRO_CI_RUN_URL": "https://u:s3cret@ci.example.com/5",
        }
    )

    assert (context.base_override, context.head) == ("main~1", B)
    assert (context.branch, context.pull_request) == ("feature/x", "7")
    assert context.run_url == "https://ci.example.com/5"
    overridden = ("base_override", "head", "branch", "pull_request", "run_url")
    assert {context.sources[name].removeprefix("ASTRO_CI_") for name in overridden} == {
        "BASE",
        "HEAD",
        "BRANCH",
        "PR",
        "RUN_URL",
    }


@pytest.mark.parametrize("value", ["", "  ", "false", "null", ZEROS, "$(x)"])
def test_an_override_without_a_value_is_no_override(
    value: str, caplog: pytest.LogCaptureFixture
) -> None:
    overrides = dict.fromkeys(("ASTRO_CI_BASE", "ASTRO_CI_HEAD", "ASTRO_CI_RUN_URL"), value)

    assert detect({**GITHUB, **overrides}) == detect(GITHUB)
    assert not caplog.records


@pytest.mark.parametrize("mode", ["auto", "deployed", "event", "Event"])
def test_the_modes_of_base_are_no_refs(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    assert detect({"ASTRO_CI_BASE": mode}).base_override is None
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASTRO_CI_BASE", "--output=/etc/passwd"),
        ("ASTRO_CI_BASE", "a..b"),
        ("ASTRO_CI_HEAD", "main"),
        ("ASTRO_CI_BRANCH", "-x"),
        ("ASTRO_CI_PR", "seven"),
        ("ASTRO_CI_RUN_URL", "s3cret:x@host"),
    ],
)
def test_an_unusable_override_is_ignored_aloud(
    name: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert detect({**GITHUB, name: value}) == detect(GITHUB)

    assert name in caplog.text
    assert value not in caplog.text


def test_the_context_is_a_value() -> None:
    assert detect(GITHUB) == detect(GITHUB)
    assert hash(detect(GITHUB)) == hash(detect(GITHUB))
    assert detect(GITHUB) != detect({**GITHUB, "GITHUB_SHA": B})
    assert json.loads(json.dumps(asdict(detect(GITHUB))))["sources"]["head"] == "GITHUB_SHA"


# --- properties ---------------------------------------------------------------------------------

ENVIRONMENTS: list[Mapping[str, str]] = [
    *({**test_github.RUN, **row[0]} for row in test_github.ROWS.values()),
    *({**test_gitlab.RUN, **row[0]} for row in test_gitlab.ROWS.values()),
    *(row[0] for rows in test_others.TABLES.values() for row in rows.values()),
    test_teamcity.ENV,
    {f"ASTRO_CI_{name}": "" for name in ("BASE", "HEAD", "BRANCH", "PR", "RUN_URL")},
]
VARIABLES = sorted({name for env in ENVIRONMENTS for name in env})
EVENT_KEYS = [
    *("number", "pull_request", "merge_group", "head", "base", "base_sha", "sha", "ref"),
    *("repo", "full_name", "before", "merged", "merge_commit_sha"),
]
SECRET = "s3cret"

host = st.sampled_from(["h.example", "h.example:443", "[::1]", "h:99999", "", "h\\"])
userinfo = st.sampled_from([f"u:{SECRET}@", f"{SECRET}@", f"a@b:{SECRET}@", f"{SECRET}:1/x@", ""])
path = st.sampled_from(["", "/a/b.git", "/a b", "/a@b", "?x=1", "#y", ":a/b"])
scheme = st.sampled_from(["https://", "http://", "ssh://", "git://", "file://", ""])
url = st.builds(lambda *parts: "".join(parts), scheme, userinfo, host, path)
nasty = st.sampled_from(
    [
        *("true", "True", "false", "null", "0", "7", "-1", "HEAD", A, B[:7], ZEROS, "0" * 64),
        *("main", "-main", "refs/heads/main", "refs/heads/-x", "refs/tags/v1", "refs/pull/7/merge"),
        *("--output=/x", "a\nb", "a\0b", "\x1b]0;x\x07", "pr/7", "branch/-x", "tag/-y", "pull/7"),
        *(f"{A}...{B}", f"{ZEROS}...{A}", "x:-y", "origin/-x", "PullRequest", "pull_request"),
        *("woodpecker", "\ud800", "\u202e", "/run/event.json", "push", "<default>"),
    ]
)
value = st.one_of(nasty, url, st.text(max_size=60))
environment = st.builds(
    lambda real, changes: {k: v for k, v in {**real, **changes}.items() if v is not None},
    st.sampled_from(ENVIRONMENTS),
    st.dictionaries(st.sampled_from(VARIABLES), value, max_size=12),
)
document = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), value),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2),
        st.dictionaries(st.one_of(st.sampled_from(EVENT_KEYS), st.text()), inner, max_size=5),
    ),
    max_leaves=20,
)
file_text = st.one_of(
    document.map(json.dumps),
    st.text(),
    value.map(lambda v: f"teamcity.configuration.properties.file=/x\nteamcity.build.branch={v}"),
)


def reader(text: str | None) -> ReadFile:
    """A file system on which every file holds the text; None: nothing can be read."""

    def read(path: Path) -> str:
        if text is None:
            raise PermissionError(path)
        return text

    return read


@given(env=environment, text=st.one_of(st.none(), file_text))
def test_whatever_the_variables_hold(env: dict[str, str], text: str | None) -> None:
    context = detect(env, read_file=reader(text))

    for sha in (context.head, context.before, context.base_sha):
        assert sha is None or re.fullmatch(r"[0-9a-f]{7,64}", sha)
        assert sha is None or set(sha) != {"0"}
    for ref in (context.branch, context.tag, context.base_branch, context.base_override):
        assert ref is None or (ref and not ref.startswith("-"))
        assert not {"Cc", "Cs", "Zs", "Zl"} & {unicodedata.category(c) for c in ref or ""}
    for address in (context.run_url, context.repository_url):
        parts = urlsplit(address or "")
        assert (parts.username, parts.password) == (None, None)
        assert parts.port is None or parts.port > 0
    assert context.pull_request is None or int(context.pull_request) > 0
    _said_with_a_source(context)


def _said_with_a_source(context: CIContext) -> None:
    constant = {"system", "key", "history_hint", "secret_hint", "concurrency_hint", "sources"}
    constant |= {"is_fork_pull_request", "before_is_previous_run"}
    for name in CIContext.__struct_fields__:
        if name not in constant:
            said = getattr(context, name) is not None
            assert said == (name in context.sources)


@given(env=environment, address=url, variable=st.sampled_from(VARIABLES))
def test_a_password_in_an_address_goes_nowhere(
    env: dict[str, str], address: str, variable: str
) -> None:
    # With an unescaped slash in the password nobody can tell it from a path on a host `s3cret`.
    assume(f"{SECRET}:1/x@" not in address)
    # `a@b` alone is a fine name for a branch.
    assume(":" in address)
    others = {name: text for name, text in env.items() if SECRET not in text}

    context = detect({**others, variable: address}, read_file=reader(None))

    assert SECRET not in repr(context)
