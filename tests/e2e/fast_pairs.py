"""Random pairs of trees: what was built, and what it becomes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

NAMES = ("a", "b", "c.py", ".x", "a b", "Grüße", "[x]", "ñ\nl", 'q"\\', "l" * 110)
TEXTS = ("", "1\n", "2\n", "line\r\n", "x" * 700, "\0binary")
FILE_MODES = (0o644, 0o644, 0o644, 0o755, 0o640, 0o600, 0o444, 0o711)
DIRECTORY_MODES = (0o755, 0o755, 0o700, 0o555, 0o750)
TARGETS = ("a", "../b", "/etc/passwd", "nowhere", ".", "Grüße")
PATTERNS = ("a", "b/**", "**/c.py", "*.x", "!a/b", "a*/*", "**/.x", "!**/a", "Gr*", "a/b", "?")


@dataclass(frozen=True)
class Node:
    """A file with its text, a link with its target, or a directory."""

    kind: str
    text: str
    mode: int


Tree = Mapping[str, Node]


@dataclass(frozen=True)
class Pair:
    """Two trees, and patterns of one `.dockerignore` for both."""

    before: Tree
    after: Tree
    patterns: tuple[str, ...]


_FILES = st.builds(Node, st.just("file"), st.sampled_from(TEXTS), st.sampled_from(FILE_MODES))
_LINKS = st.builds(Node, st.just("link"), st.sampled_from(TARGETS), st.just(0o777))
_DIRECTORIES = st.builds(Node, st.just("directory"), st.just(""), st.sampled_from(DIRECTORY_MODES))
_NODES = st.one_of(_FILES, _FILES, _DIRECTORIES, _LINKS)
_PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
_TREES = st.dictionaries(_PATHS, _NODES, min_size=2, max_size=7)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    """Make up a pair: much stays as it is, some is new, gone, renamed or something else."""
    before = draw(_TREES)
    after: dict[str, Node] = {}
    for path, node in before.items():
        fate = draw(st.sampled_from(("kept", "kept", "other", "gone", "renamed", "mode")))
        if fate == "renamed":
            after[draw(_PATHS)] = node
        elif fate == "other":
            after[path] = draw(_NODES)
        elif fate == "mode" and node.kind == "file":
            after[path] = Node(node.kind, node.text, draw(st.sampled_from(FILE_MODES)))
        elif fate != "gone":
            after[path] = node
    after |= draw(st.dictionaries(_PATHS, _NODES, max_size=3))
    return Pair(before, after, tuple(draw(st.lists(st.sampled_from(PATTERNS), max_size=2))))


def drawn(count: int, start: int) -> list[Pair]:
    """So many pairs, the same for the same start."""
    found: list[Pair] = []

    @seed(start)
    @settings(max_examples=count, phases=[Phase.generate], database=None, deadline=None)
    @given(pairs())
    def collect(pair: Pair) -> None:
        found.append(pair)

    collect()
    return found


def ignore_file(cases: Mapping[str, Pair]) -> str:
    """The patterns of every case, each for its own directory."""
    lines = [".git"]
    for directory, pair in cases.items():
        for pattern in pair.patterns:
            mark = "!" if pattern.startswith("!") else ""
            lines.append(f"{mark}{directory}/{pattern.removeprefix('!')}")
    return "\n".join(lines) + "\n"


def write(root: Path, trees: Mapping[str, Tree]) -> None:
    """Make the directories anew, each with its tree; what cannot be there is left out."""
    modes: list[tuple[Path, int]] = []
    for directory, tree in trees.items():
        top = root / directory
        if top.exists():
            _clear(top)
        top.mkdir(parents=True)
        (top / ".keep").touch(0o644)
        for path in sorted(tree):
            _make(top, path, tree[path], modes)
    for place, mode in sorted(modes, reverse=True):
        place.chmod(mode)


def _make(top: Path, path: str, node: Node, modes: list[tuple[Path, int]]) -> None:
    place = top / path
    above: Sequence[Path] = [one for one in place.parents if one.is_relative_to(top)]
    if os.path.lexists(place) or any(
        os.path.lexists(one) and (one.is_symlink() or not one.is_dir()) for one in above
    ):
        return
    for one in reversed(above):
        if not one.exists():
            one.mkdir(0o755)
    if node.kind == "directory":
        place.mkdir()
        modes.append((place, node.mode))
    elif node.kind == "link":
        place.symlink_to(node.text)
    else:
        place.write_bytes(node.text.encode())
        place.chmod(node.mode)


def _clear(top: Path) -> None:
    for directory, _, _ in os.walk(top):
        Path(directory).chmod(0o755)
    shutil.rmtree(top)
