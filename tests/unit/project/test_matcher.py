"""The bits against the plain way: one pattern after the other, by regular expressions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.project.automaton import (
    ANY_DIRECTORIES,
    ANYTHING,
    MOVE,
    SKIP,
    WITHIN_A_NAME,
    Automaton,
    Item,
    letters,
)
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.patterns import BadPatternError, shape_of

MEANING = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
parts = st.sampled_from(["a", "b", "ab", "a*", "*", "*b", "?", "**", "a?b", "*a*"])
patterns = st.lists(parts, min_size=1, max_size=3).map("/".join)
lines = st.lists(st.tuples(st.booleans(), patterns), min_size=1, max_size=6)
paths = st.lists(st.sampled_from(["a", "b", "ab", "aab", "ba"]), min_size=1, max_size=4).map(
    "/".join
)


def expression(pattern: str) -> str:
    head, tail = pattern.removeprefix("**"), pattern.removesuffix("**")
    if head != pattern and not set(head) & set("*?"):
        bare = f"|{head[1:]}" if head.startswith("/") else ""
        return f".*{head}{bare}"
    if tail != pattern and not set(tail) & set("*?"):
        return f"{tail}.*"
    found = re.split(r"(\*\*/?|\*|\?)", pattern)
    return "".join(MEANING.get(part, part) for part in found)


def excluded_by(patterns: list[tuple[bool, str]], path: str) -> tuple[bool, str | None]:
    """Decide as the engine does, for each directory on the way and at last for the path."""
    matched, decided, excluded = [False] * len(patterns), None, False
    steps = path.split("/")
    for depth in range(1, len(steps) + 1):
        excluded, decided = False, None
        here = "/".join(steps[:depth])
        for number, (is_exception, pattern) in enumerate(patterns):
            if not matched[number] and is_exception == excluded:
                matched[number] = re.fullmatch(expression(pattern), here) is not None
            if matched[number]:
                excluded, decided = not is_exception, f"{'!' * is_exception}{pattern}"
    return excluded, decided


@given(lines, st.lists(paths, min_size=1, max_size=5))
def test_the_verdict_is_that_of_one_pattern_after_the_other(
    patterns: list[tuple[bool, str]], paths: list[str]
) -> None:
    text = "\n".join(f"{'!' * is_exception}{pattern}" for is_exception, pattern in patterns)
    ignore = DockerIgnore.parse(text)
    for path in paths:
        assert (ignore.excludes(path), ignore.matching_pattern(path)) == excluded_by(patterns, path)


ITEMS = {
    "a": Item(MOVE, "a"),
    "b": Item(MOVE, "b"),
    "a?": Item(MOVE | SKIP, "a"),
    "b?": Item(MOVE | SKIP, "b"),
    "[^/]*": WITHIN_A_NAME,
    "(?s:.*)": ANYTHING,
    "(?:.*/)?": ANY_DIRECTORIES,
    "/": Item(MOVE, "/"),
}


@given(
    st.lists(st.lists(st.sampled_from(list(ITEMS)), max_size=6), min_size=1, max_size=4),
    st.lists(st.text("ab/\n", max_size=8), min_size=1, max_size=5),
)
def test_sequences_side_by_side_match_as_expressions_do(
    sequences: list[list[str]], texts: list[str]
) -> None:
    automaton = Automaton([[ITEMS[name] for name in sequence] for sequence in sequences])
    for text in texts:
        hits = automaton.hits(automaton.run(automaton.start, text))
        found = [bool(hits >> bit & 1) for bit in automaton.bits]
        assert found == [bool(re.fullmatch("".join(names), text)) for names in sequences]


def test_a_bit_without_a_sequence_never_matches() -> None:
    automaton = Automaton([None, list(letters("a")), None])
    assert automaton.hits(automaton.run(automaton.start, "a")) == 1 << automaton.bits[1]
    assert automaton.hits(automaton.run(automaton.start, "")) == 0
    assert automaton.bits == sorted(automaton.bits)
    assert Automaton([]).hits(Automaton([]).start) == 0


@pytest.mark.parametrize(
    ("pattern", "kind", "text"),
    [
        ("a/b", "path", "a/b"),
        ("a^b", "path", "a^b"),
        ("a/b/**", "below", "a/b"),
        ("**/a", "named", "a"),
        ("**/a/b", "named", "a/b"),
        ("**a", "wild", ""),
        ("a**", "wild", ""),
        ("*", "wild", ""),
    ],
)
def test_most_patterns_need_no_automaton(pattern: str, kind: str, text: str) -> None:
    shape = shape_of(pattern)
    assert (shape.kind, shape.text) == (kind, text)
    assert bool(shape.sequences) == (kind == "wild")


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("[a]{2}", ["aa"], ["a", "aaa", "a{2}"]),
        ("?{1,2}", ["a", "ab"], ["", "abc"]),
        ("?{2,}", ["ab", "abcd"], ["a"]),
        ("[a]{0}b", ["b"], ["ab"]),
        ("?{02}", ["a{02}"], ["aa"]),
        ("[a]{,2}", ["a{,2}"], ["aa"]),
        ("*\\b", ["a", "ab"], ["", "a-"]),
        ("a\\Bb*", ["ab"], ["a-b"]),
        ("*\\z", ["a"], ["a/b"]),
        ("\\Aa*", ["ab"], ["ba"]),
        ("[\\d]", ["1"], ["d", "\u0661"]),
        ("[\\D]", ["d", "/"], ["1"]),
        ("[^\\D]", ["1"], ["d"]),
        ("[\\s]", [" ", "\t"], ["\v", "\u2003"]),
        ("[\\W]", ["-", "é"], ["a", "_"]),
        ("[^a-c]", ["d", "/", "\n"], ["a", "b", "c"]),
        ("[?]", ["^]", "/]", "[]"], ["?", "a"]),
        ("*|b?", ["a", "cbd"], []),
        ("a?|^b*", ["ab", "abc/d", "b"], ["cb"]),
        ("\\.\\t", [".\t"], ["at"]),
    ],
)
def test_the_engine_s_oddities(pattern: str, matching: list[str], others: list[str]) -> None:
    shape = shape_of(pattern)
    automaton = Automaton(list(shape.sequences))
    hit = [
        text
        for text in (*matching, *others)
        if automaton.hits(automaton.run(automaton.start, text))
    ]
    assert hit == matching


@pytest.mark.parametrize(
    "pattern",
    [
        *("?{1001}", "?{2,1001}", "?{3,2}", f"?{{{'9' * 5000}}}", "?{2}{2}", "*{2}"),
        *("?|{2}", "{2}*", "\\b{2}", "[b-a]", "[a-\\d]", "[\\d-z]", "[[:digit:]]", "\\e", "[\\b]"),
        "?{1000}" * 21,
    ],
)
def test_what_the_engine_refuses(pattern: str) -> None:
    with pytest.raises(BadPatternError):
        shape_of(pattern)
