"""Patterns that once took minutes. The tests' time limit tells; none looks at a clock."""

from __future__ import annotations

import pytest

from astro_ci.configuration.refs import RefPatterns
from astro_ci.errors import ProjectError
from astro_ci.project.dockerfile import base_image, needs_buildkit
from astro_ci.project.dockerignore import DockerIgnore
from astro_ci.project.leftovers import leftover_matcher

MANY = 100_000
DEEP = "d/" * 2_000


@pytest.mark.parametrize(
    ("pattern", "name", "is_excluded"),
    [
        ("include/*a*a*a*a*ab", f"include/{'a' * 240}", False),
        ("include/*a*a*a*a*ab", f"include/{'a' * 240}b", True),
        ("*a" * 100 + "b", "a" * 4_000, False),
        ("**/*a" * 100 + "b", f"{'a/' * 2_000}a", False),
        ("**/a" * 300, "a/" * 300 + "a", True),
        ("[^/]{0,1000}" * 10 + "b", "a" * 4_000, False),
        ("a**|" * 200 + "?b", "a" * 4_000, True),
    ],
)
def test_no_pattern_is_tried_again_and_again(pattern: str, name: str, is_excluded: bool) -> None:
    assert DockerIgnore.parse(pattern).excludes(name) is is_excluded


@pytest.mark.parametrize(
    "line",
    [
        "include/file-{}-*.txt",
        # The same automaton, with less work for each line.
        *(
            pytest.param(line, marks=pytest.mark.thorough)
            for line in ("include/{}", "include/{}/**", "**/{}", "!include/{}*")
        ),
    ],
)
def test_a_hundred_thousand_lines(line: str) -> None:
    ignore = DockerIgnore.parse("\n".join(["**/x", *(line.format(n) for n in range(MANY))]))
    assert ignore.excludes("a/x/b")
    assert not any(ignore.excludes(f"dags/{number}.py") for number in range(1_000))
    assert not any(ignore.is_uniform_in("include") for _ in range(100))


def test_more_lines_than_any_project_has_are_refused() -> None:
    with pytest.raises(ProjectError, match="x has more than 200,000 patterns"):
        DockerIgnore.parse("a\n" * 200_001, name="x")


def test_a_deep_path_needs_no_stack() -> None:
    assert not DockerIgnore.parse("*.pyc\n").excludes(f"{DEEP}a.py")
    assert DockerIgnore.parse("d/d/d/**\n").excludes(f"{DEEP}a.py")
    assert DockerIgnore.parse("**/a.py\n").excludes(f"{DEEP}a.py")
    is_leftover = leftover_matcher(lambda path: path.count("/") == 1_500)
    assert is_leftover(f"{DEEP}a.py")
    assert not is_leftover(f"{'d/' * 1_000}a.py")


def test_many_states_are_forgotten_again() -> None:
    """Names that each lead to a state of its own; what is told of them stays the same."""
    ignore = DockerIgnore.parse("\n".join(f"**/*{n:03}*{n * 7 % 1000:03}" for n in range(1_000)))
    names = [f"{n:06}/{n * 31 % 997:03}x{n * 7 % 1000:03}" for n in range(20_000)]
    first = [ignore.excludes(name) for name in names]
    again = [ignore.excludes(name) for name in reversed(names)]
    assert first == again[::-1]
    assert any(first)
    assert not all(first)


def test_branch_patterns() -> None:
    assert RefPatterns(("*a" * 100 + "b",)).deciding("a" * 250) is None
    many = RefPatterns((*(f"team-{n}/*" for n in range(10_000)), "!team-7/x", "**/*-y"))
    assert many.deciding("team-7/x") is None
    assert many.deciding("team-7/z") == "team-7/*"
    assert many.deciding("team-9/a-y") == "**/*-y"


def test_dockerfiles() -> None:
    assert not needs_buildkit("\n" * 500_000 + "x")
    assert not needs_buildkit(f"RUN {' ' * 500_000}x")
    assert base_image(f"FROM a{'${b:-' * 100_000}") is None
    doubled = "\n".join(["ARG a0=xx", *(f"ARG a{n}=$a{n - 1}$a{n - 1}" for n in range(1, 60))])
    found = base_image(f"{doubled}\nFROM $a59\n")
    assert found is not None
    assert len(found.reference) <= 4_000
