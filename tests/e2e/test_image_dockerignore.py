"""Our reading of `.dockerignore` against the engine's own: the same build contexts, by tar.

Hundreds of cases share one build: each has a directory of its own, its patterns start with that.
Patterns that act from the root are tried a file at a time.
"""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from astro_ci.errors import ProjectError
from astro_ci.image.building.builder import Builder, find_builder
from astro_ci.image.building.context import write_context
from astro_ci.project.find import read_ignore_file
from tests.e2e.images import unavailable

pytestmark = pytest.mark.docker

CASES_IN_A_BUILD = 250
BUILDS = max(2, int(os.environ.get("ASTRO_CI_TEST_EXAMPLES") or 0) // 4)

PLAIN = ("a", "b", "ab", "a.b", ".x", "é", "a b")
NAMES = (*PLAIN, "[a]", "*", "^a", "!b")
GLOBS = (
    "*",
    "?",
    "a*",
    "*b",
    "?b",
    "[a-c]",
    "[^a]*",
    "a?b",
    "*.*",
    r"\*",
    r"\[a\]",
    "[!a]",
    "a[.]b",
)


class RefusedError(Exception):
    """The engine did not build; the text is the end of what it said."""


@pytest.fixture(scope="module")
def builder() -> Builder:
    found = find_builder(os.environ)
    if found is None:
        unavailable("no docker command with BuildKit")
    return found


def sent_by_engine(builder: Builder, root: Path, tmp_path: Path) -> set[str]:
    """Name every path that a build of the directory gets to see.

    Without buildx this is the client of Docker 20.10, which also sends empty directories that
    are excluded, if an exception starts with their name. Files are compared, then.
    """
    dockerfile = tmp_path / "elsewhere" / "Dockerfile"
    dockerfile.parent.mkdir(exist_ok=True)
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    arguments = [argument for argument in builder.arguments if argument != "--load"]
    done = subprocess.run(
        [*arguments, "--file", str(dockerfile), "--output", "type=tar,dest=-", str(root)],
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
        capture_output=True,
    )
    if done.returncode:
        raise RefusedError(done.stderr.decode()[-300:])
    return names_in(done.stdout, builder)


def sent_by_us(builder: Builder, root: Path) -> set[str]:
    out = BytesIO()
    write_context(root, out, ignore=read_ignore_file(root, "Dockerfile"))
    return names_in(out.getvalue(), builder)


def names_in(tar: bytes, builder: Builder) -> set[str]:
    with tarfile.open(fileobj=BytesIO(tar), errors="surrogateescape") as archive:
        entries = [entry for entry in archive if builder.is_buildx or not entry.isdir()]
        return {entry.name.strip("/") for entry in entries} - {""}


def make_tree(root: Path, paths: Iterable[str]) -> None:
    for path in paths:
        file = root / path
        # A name may already be that of a directory, or its parent that of a file.
        if not file.exists() and not any(parent.is_file() for parent in file.parents):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()


@dataclass(frozen=True, slots=True)
class Case:
    """A tree, and patterns for it; `{}` is where the name of its directory goes."""

    paths: tuple[str, ...]
    patterns: tuple[str, ...]


def joined(names: Sequence[str], shortest: int, longest: int) -> st.SearchStrategy[str]:
    parts = st.lists(st.sampled_from(names), min_size=shortest, max_size=longest)
    return parts.map("/".join)


@st.composite
def cases(draw: st.DrawFn, *, is_current: bool) -> Case:
    """Make up a case.

    Once there are exceptions, the client of Docker 20.10 goes its own way with wildcards (`**` is
    forgotten further down) and with an exception for a directory that is not excluded itself.
    """
    paths = draw(st.lists(joined(NAMES, 1, 4), min_size=4, max_size=8))
    with_exceptions = draw(st.booleans())
    simple = not is_current and with_exceptions
    names = PLAIN if simple else (*PLAIN, *GLOBS, "**")
    patterns = []
    for number in range(draw(st.integers(1, 4))):
        is_exception = with_exceptions and number > 0 and draw(st.booleans())
        shortest = 2 if simple and is_exception else 1
        pattern = draw(joined(names, shortest, 3)) + draw(st.sampled_from(("", "", "/")))
        patterns.append(f"{'!' if is_exception else ''}{{}}{pattern}")
    return Case(tuple(paths), tuple(patterns))


def drawn(strategy: st.SearchStrategy[Case], count: int, start: int) -> list[Case]:
    """So many cases: each build tries them all at once, as builds are slow."""
    found: list[Case] = []

    @seed(start)
    @settings(max_examples=count, phases=[Phase.generate], database=None)
    @given(strategy)
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found


@pytest.mark.parametrize("start", range(BUILDS))
@pytest.mark.smoke
def test_many_cases_in_one_build(builder: Builder, start: int, tmp_path: Path) -> None:
    found = drawn(cases(is_current=builder.is_buildx), CASES_IN_A_BUILD, start)
    assert len(found) > CASES_IN_A_BUILD * 0.8
    root, lines = tmp_path / "root", list[str]()
    for number, case in enumerate(found):
        make_tree(root / f"c{number}", case.paths)
        lines += [pattern.format(f"c{number}/") for pattern in case.patterns]
    root.joinpath(".dockerignore").write_text("\n".join(lines))
    expected = sent_by_engine(builder, root, tmp_path)
    everything = sum(builder.is_buildx or path.is_file() for path in root.rglob("*"))
    assert 0.4 < len(expected) / everything < 0.95
    differing = {path.split("/")[0] for path in sent_by_us(builder, root) ^ expected}
    assert not [found[int(name.removeprefix("c"))] for name in sorted(differing)]


FROM_THE_ROOT = {
    "everything and back": "*\n!a/b\n!dags\n",
    "a suffix at any depth": "**/*.pyc\n**/b\n",
    "every depth": "**\n!a/b/c\n",
    "windows": "\ufeffa/b\r\n\r\n  dags/  \r\n# logs\r\n",
    "cleaned": "./a/../a/b\n/dags\n//logs\n.\n..\n../a\n/\n",
    "comments": "# a\n #a\n\\#a\n",
    "exceptions that come too early": "!a\na\n",
    "a class": "[a-c]\n[^a-d]ogs\n",
    "escapes": "\\*\n\\!b\na\\?c\n",
    "nothing": "\n\n# only this\n",
    "an exception below an excluded directory": "a\n!a/b/c\n!a/x/*.md\n",
}


@pytest.mark.parametrize("text", FROM_THE_ROOT.values(), ids=FROM_THE_ROOT)
def test_patterns_from_the_root(builder: Builder, text: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    paths = ["a/b/c", "a/b/d", "a/x/y.md", "a/x.pyc", "dags/d.py", "dags/b", "logs/l", "*", "!b"]
    make_tree(root, [*paths, "#a", "a?c", "abc", "c", "x.pyc", "e/f/b/g"])
    root.joinpath(".dockerignore").write_bytes(text.encode())
    assert sorted(sent_by_us(builder, root)) == sorted(sent_by_engine(builder, root, tmp_path))


@pytest.mark.parametrize("text", ["[a\n", "a\n!\n", "a\\\n", "[]\n", "[b-]\n"])
def test_an_invalid_pattern_is_refused_by_both(builder: Builder, text: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    make_tree(root, ["a"])
    root.joinpath(".dockerignore").write_text(text)
    with pytest.raises(RefusedError, match=r"syntax error|illegal exclusion"):
        sent_by_engine(builder, root, tmp_path)
    with pytest.raises(ProjectError, match=r"\.dockerignore line"):
        sent_by_us(builder, root)
