"""The patterns of `.dockerignore`, each case checked against the engine's own matcher."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.errors import ProjectError
from astro_ci.project.dockerignore import DockerIgnore, ignore_file_names

CASES = {
    # pattern lines: (excluded, not excluded)
    "a": (["a", "a/b", "a/b/c"], ["b/a", "ab"]),
    "/a": (["a", "a/b"], ["b/a"]),
    "a/": (["a", "a/b"], ["b/a"]),
    "./a/../b": (["b"], ["a"]),
    "../a": ([], ["a", "b"]),
    ".": ([], ["a", ".x"]),
    "*": (["a", ".x", "a/b"], []),
    "*.md": (["a.md", ".md", "a.md/b"], ["a/b.md"]),
    "a/*": (["a/b", "a/b/c"], ["a"]),
    "a?c": (["abc", "a.c"], ["ac", "a/c"]),
    "**": (["a", "a/b"], []),
    "**/a": (["a", "b/a", "b/c/a/d"], ["ba", "b/ca"]),
    "**/*.pyc": (["a.pyc", "a/b/c.pyc"], ["a.py"]),
    "a/**": (["a/b", "a/b/c"], ["a", "ab/c"]),
    "a/**/b": (["a/b", "a/x/y/b", "a/b/c"], ["a/xb"]),
    "**foo": (["foo", "barfoo", "a/barfoo"], ["foob"]),
    "foo**": (["foo", "foobar", "foobar/a"], ["a/foo"]),
    "[a-c]x": (["ax", "cx/y"], ["dx"]),
    "[^a]": (["b"], ["a"]),
    "[!a]": (["a", "!"], ["b"]),
    "[*]": (["[]", "^]", "]"], ["*", "a"]),
    "\\*": (["*"], ["a"]),
    "a\\?": (["a?"], ["ab"]),
    "\\d": (["1"], ["d"]),
    "a.b": (["a.b"], ["axb"]),
    "*.b": (["a.b"], ["axb"]),
    "a+(b)$": (["a+(b)$"], ["aab"]),
    "*a|b": (["xab", "xay/z", "c/b"], ["c/d"]),
    "?{2}": (["ab"], ["a"]),
    "a^b": (["a^b"], ["ab"]),
    "*^b": ([], ["a^b"]),
    "é?": (["éa", "éé"], ["é"]),
    "a b ": (["a b"], ["a"]),
    "# a": ([], ["# a", "a"]),
    " #a": (["#a"], []),
    "\ufeffa\r\n\r\nb\r": (["a", "b"], ["c"]),
    "a\n!a/b": (["a", "a/c"], ["a/b", "a/b/c"]),
    "!a\na": (["a"], ["b"]),
    "*\n!a\na/b": (["b", "a/b"], ["a", "a/c"]),
    "*\n!a/**\na/*.pyc": (["b", "a", "a/x.pyc"], ["a/x.py"]),
    "a/b\n!a": (["a/b", "a/b/c"], ["a", "a/c"]),
    "a\n! /a/b/": (["a"], ["a/b"]),
    "a\n./!a/b": (["a"], ["a/b"]),
    "dags/\n!dags": ([], ["dags", "dags/a.py"]),
    "": ([], ["a"]),
}


@pytest.mark.parametrize(
    ("text", "excluded", "included"),
    [(text, *paths) for text, paths in CASES.items()],
)
def test_patterns_mean_what_they_mean_to_the_engine(
    text: str, excluded: list[str], included: list[str]
) -> None:
    ignore = DockerIgnore.parse(text)
    assert [path for path in excluded if not ignore.excludes(path)] == []
    assert [path for path in included if ignore.excludes(path)] == []


@pytest.mark.parametrize(
    "pattern",
    ["[a", "[]", "[^]", "[a-", "[b-a]x", "[a-]", "a\\", "!", "!/", "\\é", "*{2}"],
)
def test_a_pattern_that_the_engine_refuses_is_named_with_its_line(pattern: str) -> None:
    with pytest.raises(ProjectError, match=r"^Dockerfile\.dockerignore line 3: ") as caught:
        DockerIgnore.parse(f"fine\n# [\n{pattern}\n", name="Dockerfile.dockerignore")
    assert f"'{pattern}'" in str(caught.value)
    assert caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("pattern", ["\\x41", "\\Qa", "\\pL", "[[:digit:]]"])
def test_what_cannot_be_matched_the_engine_s_way_is_refused_and_not_guessed(pattern: str) -> None:
    with pytest.raises(ProjectError, match=r"\.dockerignore line 1"):
        DockerIgnore.parse(pattern)


@pytest.mark.parametrize(
    ("path", "line"),
    [("logs/a", "logs/"), ("a.md", "*.md"), ("README.md", "!README.md"), ("a.py", None)],
)
def test_the_line_that_decides_is_told(path: str, line: str | None) -> None:
    ignore = DockerIgnore.parse("  logs/ \n*.md\n!README.md\n")
    assert ignore.matching_pattern(path) == line


def test_names_that_are_not_utf8_can_be_matched() -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    ignore = DockerIgnore.parse(f"caf?\n{name}2\n")
    assert ignore.excludes(name)
    assert ignore.excludes(f"{name}2")


def test_a_file_named_after_the_dockerfile_is_asked_first() -> None:
    assert ignore_file_names("ci/Dockerfile") == ("ci/Dockerfile.dockerignore", ".dockerignore")


NAME = st.text("ab.*?[]!\\^-é", min_size=1, max_size=3)
PATH = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "é"]), min_size=1, max_size=4).map("/".join)


@given(st.lists(PATH, min_size=1), st.lists(st.tuples(st.booleans(), PATH), max_size=5))
def test_an_excluded_directory_that_may_include_nothing_excludes_all_it_holds(
    paths: list[str], rules: list[tuple[bool, str]]
) -> None:
    ignore = DockerIgnore.parse("\n".join(("!" if mark else "") + path for mark, path in rules))
    for path in paths:
        for below in paths:
            inside = f"{path}/{below}"
            if ignore.excludes(path) and not ignore.may_include_below(path):
                assert ignore.excludes(inside)


@given(st.lists(NAME, max_size=4), st.lists(PATH, min_size=1))
def test_any_text_is_read_or_refused_and_reading_has_no_memory(
    lines: list[str], paths: list[str]
) -> None:
    try:
        ignore = DockerIgnore.parse("\n".join(lines))
    except ProjectError:
        return
    forward = [ignore.excludes(path) for path in paths]
    backward = [DockerIgnore.parse("\n".join(lines)).excludes(path) for path in reversed(paths)]
    assert forward == backward[::-1]


def test_a_hundred_thousand_paths_take_no_time() -> None:
    text = "\n".join(["**/__pycache__", "**/*.pyc", "docs/**", "!docs/a.md", *"abcdefghij"])
    ignore = DockerIgnore.parse(text)
    paths = [f"include/p{number % 500}/f{number}.py" for number in range(100_000)]
    started = time.process_time()
    assert not any(map(ignore.excludes, paths))
    assert time.process_time() - started < 2
