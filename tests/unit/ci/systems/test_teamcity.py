from __future__ import annotations

from collections.abc import Mapping

import pytest

from astro_ci.ci.lookup import parse_properties
from tests.unit.ci.context_table import A, described

ENV = {
    "TEAMCITY_VERSION": "2025.11",
    "TEAMCITY_BUILD_PROPERTIES_FILE": "/run/build.properties",
    "BUILD_VCS_NUMBER": A,
}
BUILD = (
    "#TeamCity build properties without 'system.' prefix\n"
    "teamcity.configuration.properties.file=/run/config.properties\n"
    "teamcity.build.id=5\n"
)
CONFIG = "teamcity.serverUrl=https\\://tc.example.com\nvcsroot.url=https\\://git.example.com/a/b\n"
SAID = {
    "head": A,
    "run_url": "https://tc.example.com/build/5",
    "repository_url": "https://git.example.com/a/b",
}
PULL_REQUEST = (
    "teamcity.pullRequest.number=7\n"
    "teamcity.pullRequest.source.branch=feature/x\n"
    "teamcity.pullRequest.target.branch=refs/heads/main\n"
)
PULL_REQUEST_SAID = {"branch": "feature/x", "pull_request": "7", "base_branch": "main"}

ROWS = {
    "branch": ("teamcity.build.branch=feat/x", {"branch": "feat/x"}),
    "full-ref": ("teamcity.build.branch=refs/heads/main", {"branch": "main"}),
    "default-branch": (
        "teamcity.build.branch=<default>\nvcsroot.branch=refs/heads/main",
        {"branch": "main"},
    ),
    "tag": ("teamcity.build.branch=refs/tags/v1", {"tag": "v1"}),
    "pull-request": (f"{PULL_REQUEST}teamcity.build.branch=pull/7", PULL_REQUEST_SAID),
    "pull-request-merge": (
        f"{PULL_REQUEST}teamcity.build.branch=7/merge",
        {**PULL_REQUEST_SAID, "head": None},
    ),
}


@pytest.mark.parametrize(("config", "said"), ROWS.values(), ids=ROWS)
def test_teamcity(config: str, said: Mapping[str, object]) -> None:
    files = {"/run/build.properties": BUILD, "/run/config.properties": CONFIG + config}

    expected = {name: value for name, value in {**SAID, **said}.items() if value}
    assert described(ENV, files=files) == ("teamcity", expected)


def test_without_the_files_only_the_environment_speaks() -> None:
    env = {**ENV, "BUILD_URL": "https://tc.example.com/viewLog.html?buildId=5"}

    assert described(env) == ("teamcity", {"head": A, "run_url": env["BUILD_URL"]})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", {"a": "b"}),
        ("  a = b c ", {"a": "b c "}),
        ("a:b=c", {"a": "b=c"}),
        ("a b", {"a": "b"}),
        ("a", {"a": ""}),
        ("# a=b\n! c=d\n\ne=f", {"e": "f"}),
        ("a\\=b=c", {"a=b": "c"}),
        ("url=https\\://h/p", {"url": "https://h/p"}),
        ("a=b\\\n    c\nd=e", {"a": "bc", "d": "e"}),
        ("a=b\\\\\nc=d", {"a": "b\\", "c": "d"}),
        ("a=\\u00e9\\t\\q", {"a": "é\tq"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=b\\", {"a": "b"}),
    ],
)
def test_properties(text: str, found: Mapping[str, str]) -> None:
    assert parse_properties(text) == found
