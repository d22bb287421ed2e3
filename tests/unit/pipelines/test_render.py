"""The files of `init` hold exactly what was named, whatever that is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.configuration.choice import Ref, choose
from astro_ci.configuration.file import parse
from astro_ci.configuration.scalar import yaml_text
from astro_ci.errors import ConfigurationError
from astro_ci.pipelines.render import (
    ProjectTarget,
    config_text,
    fill,
    groovy_text,
    pipeline_text,
    setup_steps,
    slug,
)
from astro_ci.pipelines.systems import KEYS, system_named

ENTRY = ProjectTarget(project="", name="production")
BRANCHES = ("main", "feature/x", "on", "1.10", "it's", 'a"b', "a#b", "a&b", "ä/🎉", "a$x", "a+b")


def branch_in(pipeline: Any, key: str) -> str:
    """The branch that a pipeline follows, where its system looks for it.

    A system without a row has it somewhere, as a text of its own.
    """
    places: dict[str, Callable[[], Any]] = {
        "github": lambda: pipeline[True]["push"]["branches"][0],
        "gitlab": lambda: pipeline["include"][0]["inputs"]["rules"][0]["if"],
        "circleci": lambda: pipeline["workflows"]["astro"]["jobs"][0]["deploy"]["filters"][
            "branches"
        ]["only"],
        "azure": lambda: pipeline["trigger"]["branches"]["include"][0],
        "bitbucket": lambda: next(iter(pipeline["pipelines"]["branches"])),
        "buildkite": lambda: pipeline["steps"][0]["if"],
        "drone": lambda: pipeline["trigger"]["branch"][0],
        "woodpecker": lambda: pipeline["when"][0]["branch"],
        "codebuild": lambda: pipeline["env"]["variables"]["PIPELINE_BRANCH"],
    }
    found = places[key]() if key in places else only(texts(pipeline), BRANCHES)
    assert isinstance(found, str)
    return found


def texts(node: Any) -> Iterator[str]:
    """Every key and scalar of a document."""
    if isinstance(node, dict):
        for pair in node.items():
            yield from (text for side in pair for text in texts(side))
    elif isinstance(node, list):
        yield from (text for item in node for text in texts(item))
    elif isinstance(node, str):
        yield node


def only(found: Iterable[str], expected: Sequence[str]) -> str:
    """The one text that is expected."""
    (text,) = [text for text in found if text in expected]
    return text


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("key", KEYS)
def test_the_branch(key: str, branch: str) -> None:
    """Every system gets it as it is, or as its own escapes spell it."""
    text = pipeline_text(system_named(key), [ENTRY], branch)
    if key == "jenkins":
        quoted = branch.replace("'", "\\'")
        assert f"when {{ branch '{quoted}' }}" in text
        return
    quote = "'" if '"' in branch else '"'
    expected = {
        "github": branch.replace("+", r"\+"),
        "buildkite": f"build.branch == {quote}{branch.replace('$', '$$')}{quote}"
        " && build.pull_request.id == null",
        "gitlab": f"$CI_COMMIT_BRANCH == {quote}{branch}{quote}",
    }.get(key, branch)
    assert branch_in(yaml.safe_load(text), key) == expected


@pytest.mark.parametrize(
    ("key", "branch"),
    [
        ("bitbucket", "a{b}"),
        ("woodpecker", "a{b}"),
        ("azure", "a${{b}}"),
        ("circleci", "a<<b"),
        ("drone", "${b}"),
        ("gitlab", "a'b\"c"),
        ("buildkite", "a'b\"c"),
        *((key, branch) for key in KEYS for branch in ("!a", "release/*", "two words", "")),
    ],
)
def test_a_branch_that_would_be_taken_for_something_else(key: str, branch: str) -> None:
    with pytest.raises(ConfigurationError):
        pipeline_text(system_named(key), [ENTRY], branch)


@pytest.mark.parametrize("key", KEYS)
def test_its_head_describes_the_setup(key: str) -> None:
    text = pipeline_text(system_named(key), [ENTRY], "main")
    setup = setup_steps(text)
    assert "ASTRO_API_TOKEN" in text
    assert ("ASTRO_API_TOKEN" in setup) or ("/astro/api-token" in setup)
    assert "API Tokens)." in setup
    assert "@" not in text.replace("checkout@", "").replace("astro_ci@", "")


@pytest.mark.parametrize("key", sorted(set(KEYS) - {"codebuild", "drone", "jenkins"}))
def test_deploys_wait_for_each_other_by_the_deployments_name(key: str) -> None:
    entry = ProjectTarget(project="", name="Prod: EU #1")
    # The template of GitLab puts `astro-` before the name of the environment.
    before = "environment: " if key == "gitlab" else "astro-"
    assert f"{before}prod-eu-1\n" in pipeline_text(system_named(key), [entry], "main")
    assert f"{before}deployments\n" in pipeline_text(system_named(key), [entry, ENTRY], "main")


@given(st.text(min_size=1, alphabet=st.characters(exclude_categories=["Cs"])))
def test_any_text_as_yaml(text: str) -> None:
    assert yaml.safe_load(yaml_text(text)) == text
    assert yaml.safe_load(f"{{{yaml_text(text)}: [{yaml_text(text)}]}} # x") == {text: [text]}
    assert "\n" not in yaml_text(text)


@pytest.mark.parametrize("text", ["main", "feature/x", "teams/sales", "v1.2-x", "a_b"])
def test_plain_text_stays_plain(text: str) -> None:
    assert yaml_text(text) == text


@pytest.mark.parametrize("text", ["on", "No", "y", "1.10", "1e3", "0x1", "~", "null", "-", "a:"])
def test_what_yaml_could_take_for_something_else_is_quoted(text: str) -> None:
    assert yaml_text(text) == f"'{text}'"


def test_groovy() -> None:
    assert groovy_text("it's a \\ $x") == "'it\\'s a \\\\ $x'"


def test_what_is_inserted_is_not_looked_at_again() -> None:
    assert fill("@a@ @b@", {"a": "@b@", "b": "x"}) == "@b@ x"


@pytest.mark.parametrize(
    ("text", "expected"), [("Prod: EU #1", "prod-eu-1"), ("🎉", "deployment"), ("a--b", "a-b")]
)
def test_slug(text: str, expected: str) -> None:
    assert slug(text) == expected


def read(text: str) -> dict[str, Any]:
    """Who is deployed to from main, by the project."""
    file = parse(text, path=Path("/r/astro-ci.yaml"), name="astro-ci.yaml")
    targets = choose(file, {}, Path("/r"), lambda: Ref(branch="main")).targets
    return {
        str(target.config.project): target.config.deployment_id or target.config.deployment_name
        for target in targets
    }


class TestConfiguration:
    def test_the_root(self) -> None:
        assert read(config_text([ENTRY], "main")) == {".": "production"}
        assert read(config_text([ENTRY], "other")) == {}

    def test_an_id_comes_first(self) -> None:
        text = config_text([ProjectTarget(project="a b", id="clx1", name="it's")], "main")
        assert read(text) == {"/r/a b": "clx1"}
        assert yaml.safe_load(text)["deployments"]["it's"]["id"] == "clx1"

    def test_several_projects(self) -> None:
        entries = [ProjectTarget(project="a: #b", name="x"), ProjectTarget(project="c", id="clx2")]
        assert read(config_text(entries, "main")) == {"/r/a: #b": "x", "/r/c": "clx2"}

    @pytest.mark.parametrize("branch", ["!a", "a*", "refs/heads/main", ""])
    def test_no_pattern(self, branch: str) -> None:
        with pytest.raises(ConfigurationError):
            config_text([ENTRY], branch)
