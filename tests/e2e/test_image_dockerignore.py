"""Our reading of `.dockerignore` against the engine's own: the same build contexts, by tar.

Hundreds of cases share one build: each has a directory of its own, its patterns start with that.
Patterns that act from the root are tried a file at a time.
"""

from __future__ import annotations

import os
import random
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from astro_ci.errors import ProjectError
from astro_ci.image.builder import Builder, find_builder
from astro_ci.image.context import write_context
from astro_ci.project import read_ignore_file
from tests.e2e.images import unavailable

pytestmark = pytest.mark.docker

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


def random_path(source: random.Random) -> str:
    return "/".join(source.choice(NAMES) for _ in range(source.randint(1, 4)))


def random_patterns(source: random.Random, *, is_current: bool) -> Iterator[str]:
    """Make up the lines of one case.

    Once there are exceptions, the client of Docker 20.10 goes its own way with wildcards (`**` is
    forgotten further down) and with an exception for a directory that is not excluded itself.
    """
    with_exceptions = source.random() < 0.5
    for number in range(source.randint(1, 4)):
        is_exception = with_exceptions and number > 0 and source.random() < 0.5
        simple = not is_current and with_exceptions
        choices = PLAIN if simple else (*PLAIN, *GLOBS, "**")
        length = source.randint(2, 3) if simple and is_exception else source.randint(1, 3)
        pattern = "/".join(source.choice(choices) for _ in range(length))
        yield f"{'!' if is_exception else ''}{{}}{pattern}{source.choice(('', '', '/'))}"


@pytest.mark.parametrize("seed", range(2))
def test_many_cases_in_one_build(builder: Builder, seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)  # noqa: S311 - a repeatable one is wanted
    root, lines = tmp_path / "root", list[str]()
    for number in range(250):
        make_tree(root / f"c{number}", (random_path(source) for _ in range(8)))
        patterns = random_patterns(source, is_current=builder.is_buildx)
        lines += [pattern.format(f"c{number}/") for pattern in patterns]
    root.joinpath(".dockerignore").write_text("\n".join(lines))
    expected = sent_by_engine(builder, root, tmp_path)
    everything = sum(builder.is_buildx or path.is_file() for path in root.rglob("*"))
    assert 0.5 < len(expected) / everything < 0.9
    differing = {path.split("/")[0] for path in sent_by_us(builder, root) ^ expected}
    assert not {case: [line for line in lines if f"{case}/" in line] for case in differing}


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
