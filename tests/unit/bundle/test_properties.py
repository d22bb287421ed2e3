"""Whatever the tree, the bundle unpacks to what ships of it, byte for byte."""

from __future__ import annotations

import os
import random
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import example, given, settings
from hypothesis import strategies as st

from astro_ci.bundle import list_members, write_bundle
from astro_ci.bundle.links import _Shipped
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher
from tests.size import examples

MTIME = 1_700_000_000


@dataclass(frozen=True)
class File:
    content: bytes
    is_executable: bool = False


@dataclass(frozen=True)
class Link:
    target: bytes


Tree = dict[bytes, "File | Link | Tree"]

AWKWARD = [
    b"two words.py",
    b"new\nline.py",
    b"tab\t.py",
    b"-rf",
    b"--checkpoint-action=exec=sh",
    b"\xff\xfe.py",
    b"caf\xe9.py",
    "café.py".encode(),
    "cafe\u0301.py".encode(),
    b"back\\slash",
    b"*",
    b"'quoted' \"twice\"",
    b"$(echo)",
    b"...",
    b" ",
    b"\x01\x7f",
    b"n" * 255,
    b"\xf0\x9f\x90\x8d" * 63,
    b"a",
    b"a.py",
    b"a-b",
]
LEFTOVERS = [b"__pycache__", b".git", b"x.pyc", b".DS_Store", VENV_MARKER.encode(), b".tox"]


def is_name(name: bytes) -> bool:
    return b"/" not in name and b"\0" not in name and name not in (b".", b"..")


names = st.sampled_from(AWKWARD) | st.binary(min_size=1, max_size=24).filter(is_name)
# Hypothesis finds in the source what stands in for files, and such files are refused.
contents = st.binary(max_size=1200).filter(
    lambda content: not content.startswith((b"version ", b"\0GITCRYPT"))
)
files = st.builds(File, contents, st.booleans())
links = st.builds(Link, names)


def trees(name: st.SearchStrategy[bytes]) -> st.SearchStrategy[Tree]:
    return st.recursive(
        st.dictionaries(name, files | links, max_size=5),
        lambda below: st.dictionaries(name, files | links | below, max_size=4),
        max_leaves=6,
    )


def ships(name: bytes) -> bool:
    return name not in LEFTOVERS and not name.endswith((b".pyc", b".pyo"))


def build(root: Path, tree: Tree, order: random.Random) -> None:
    """Make the tree on disk, in any order and with any times."""
    root.mkdir()
    for name, node in order.sample(sorted(tree.items(), key=lambda item: item[0]), len(tree)):
        path = root / os.fsdecode(name)
        if isinstance(node, Link):
            path.symlink_to(os.fsdecode(node.target))
        elif isinstance(node, File):
            path.write_bytes(node.content)
            path.chmod(0o755 if node.is_executable else 0o644)
            os.utime(path, (0, order.randrange(1 << 31)))
        else:
            build(path, node, order)


def read(root: Path) -> dict[str, File | Link]:
    """Read the files and links below a directory; empty directories are nothing."""
    found: dict[str, File | Link] = {}
    for directory, below, names in os.walk(root):
        for path in (Path(directory) / name for name in [*names, *below]):
            if path.is_symlink():
                target = os.readlink(path)  # noqa: PTH115 - a Path would tidy it up
                found[str(path.relative_to(root))] = Link(os.fsencode(target))
            elif path.is_file():
                is_executable = bool(path.stat().st_mode & 0o100)
                found[str(path.relative_to(root))] = File(path.read_bytes(), is_executable)
    return found


@contextmanager
def on_disk(tree: Tree, seed: int = 0) -> Iterator[Path]:
    with TemporaryDirectory() as directory:
        dags = Path(directory) / "dags"
        build(dags, tree, random.Random(seed))  # noqa: S311 - any order will do
        yield dags


def pack(dags: Path) -> Path:
    bundle = write_bundle(list_members(dags), dags.parent / "dags.tar.gz", mtime=MTIME)
    return bundle.path


def unpack_with_tarfile(bundle: Path, out: Path) -> None:
    with tarfile.open(bundle) as archive:
        archive.extractall(out, filter="fully_trusted")  # noqa: S202 - it is ours


def unpack_with_gnu_tar(bundle: Path, out: Path) -> None:
    done = subprocess.run(["tar", "-xzf", bundle, "-C", out], capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def assert_round_trip(tree: Tree, unpack: Callable[[Path, Path], None]) -> None:
    with on_disk(tree) as dags:
        out = dags.parent / "out"
        out.mkdir()
        unpack(pack(dags), out)
        assert read(out / "dags") == read(dags)


@settings(max_examples=examples(25))
@given(trees(names.filter(ships)))
@example({name: File(name) for name in AWKWARD})
@example({name: {name: {name: File(b"")}} for name in AWKWARD})
@example({b"l%d" % n: Link(name) for n, name in enumerate(AWKWARD)})
@example({b"l": Link(b"t" * 4000)})
def test_python_unpacks_what_ships(tree: Tree) -> None:
    assert_round_trip(tree, unpack_with_tarfile)


@settings(max_examples=examples(15))
@given(trees(names.filter(ships)))
@example({name: File(name) for name in AWKWARD})
@example({name: {name: {name: File(b"")}} for name in AWKWARD})
@example({b"l%d" % n: Link(name) for n, name in enumerate(AWKWARD)})
@example({b"l": Link(b"t" * 4000)})
def test_gnu_tar_unpacks_what_ships(tree: Tree) -> None:
    assert_round_trip(tree, unpack_with_gnu_tar)


@settings(max_examples=examples(20))
@given(trees(names), st.integers(1), st.sampled_from([0o022, 0o002, 0o077]))
def test_the_bytes_depend_on_nothing_but_the_content(tree: Tree, seed: int, umask: int) -> None:
    with on_disk(tree) as dags:
        expected = pack(dags).read_bytes()
    before = os.umask(umask)
    try:
        with on_disk(tree, seed) as dags:
            assert pack(dags).read_bytes() == expected
    finally:
        os.umask(before)


@settings(max_examples=examples(25))
@given(trees(st.sampled_from([*LEFTOVERS, b"a", b"b.py", b"\xff"])))
def test_what_is_packed_is_what_the_digest_counts(tree: Tree) -> None:
    with on_disk(tree) as dags:
        excludes = leftover_matcher(
            lambda directory: os.path.lexists(dags / directory / VENV_MARKER)
        )

        listed = [member.name for member in list_members(dags)]

        assert listed == sorted(
            (name for name in read(dags) if not excludes(name)), key=os.fsencode
        )


few_names = st.sampled_from([b"a", b"b", b"c"])
parts = st.lists(st.sampled_from([b"..", b".", b"a", b"b", b"c", b"dags", b""]), max_size=5)
relative_links = st.builds(
    Link, parts.map(b"/".join).filter(lambda target: target and not target.startswith(b"/"))
)


@settings(max_examples=examples(80))
@given(
    st.recursive(
        st.dictionaries(few_names, files | relative_links, max_size=3),
        lambda below: st.dictionaries(few_names, files | relative_links | below, max_size=3),
        max_leaves=8,
    )
)
@example({b"a": Link(b"b/../c"), b"b": {b"a": File(b"")}, b"c": File(b"")})
@example({b"a": Link(b"b/../c"), b"b": File(b""), b"c": File(b"")})
@example({b"a": Link(b"c/"), b"c": File(b"")})
@example({b"a": Link(b"b/c"), b"b": Link(b"c"), b"c": {b"c": Link(b"../a")}})
@example({b"a": Link(b"../../dags/b"), b"b": File(b"")})
def test_links_are_judged_by_where_they_lead_once_unpacked(tree: Tree) -> None:
    with on_disk(tree) as dags:
        members = list_members(dags)
        unpack_with_tarfile(pack(dags), dags.parent / "out")
        unpacked = dags.parent / "out/dags"
        shipped = _Shipped(members, "dags")

        for member in (member for member in members if member.link is not None):
            link = unpacked / member.name
            arrives = link.exists() and Path(os.path.realpath(link)).is_relative_to(unpacked)
            assert (shipped.resolve(member) is not None) == arrives, member
            if arrives:
                assert shipped.resolve(member) == os.path.relpath(
                    os.path.realpath(link), unpacked.parent
                )
                assert shipped.is_directory(shipped.resolve(member)) == link.is_dir()
