"""A built image against the one that is made without a build: whole trees and configs."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from astro_ci.image.fast.compare import (
    Stack,
    config_differences,
    replaced_stack,
    stack_of,
    summary,
    tree_differences,
)
from astro_ci.image.fast.merged import Item, merge, put_on
from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.fast.replace import replace_code
from astro_ci.image.registry.manifest import digest_of
from tests.size import examples
from tests.unit.image.fast.images import HOME, code, document, entry, running, source, tar
from tests.unit.image.fast.test_layer import CREATED, make

Entries = Sequence[tuple[tarfile.TarInfo, bytes]]
LAYER = tar(code())
LOWER: Entries = [
    entry("bin", uid=0),
    entry("bin/sh", data=b"sh", uid=0),
    entry(f"{HOME}/include", uid=1),
    entry(f"{HOME}/include/of-the-base", data=b"base"),
    entry("opt/a", data=b"a"),
    entry("opt/b", data=b"b"),
]


def stack(*layers: Entries) -> Stack:
    """The layers of an image, from the lowest to the top."""
    packed = [tar(layer) for layer in layers]
    return Stack(
        diff_ids=[digest_of(one) for one in packed],
        layers=[partial(lambda one: iter([gzip.compress(one)]), one) for one in packed],
    )


def never() -> Any:
    raise AssertionError("this layer need not be read")


def differences(built: Sequence[Entries], made: Sequence[Entries]) -> list[str]:
    return tree_differences(stack(*built), stack(*made), HOME)


def test_equal_images_have_no_difference() -> None:
    assert differences([LOWER, code()], [LOWER, code()]) == []
    one, other = stack(LOWER, code()), stack(LOWER, list(reversed(code())))
    unread = Stack(diff_ids=one.diff_ids, layers=[never, one.layers[1]])
    assert tree_differences(unread, other, HOME) == [], "layers that both have are not read"


def replaced(name: str, **fields: Any) -> Entries:
    """The code with another entry."""
    kept = [one for one in code() if one[0].name != f"{HOME}/{name}"]
    return [*kept, entry(f"{HOME}/{name}", **fields)]


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("a.py", {"data": b"a = 2\n"}, "content"),
        ("a.py", {"data": b"a = 1\n", "mode": 0o640}, "mode"),
        ("a.py", {"data": b"a = 1\n", "uid": 0}, "uid"),
        ("a.py", {"data": b"a = 1\n", "gid": 7}, "gid"),
        ("a.py", {"data": b"a = 1\n", "mtime": 1}, "mtime"),
        ("a.py", {"linkname": "x"}, "kind, mode, content, mtime"),
        ("a.py", {"data": b"a = 1\n", "pax_headers": {"SCHILY.xattr.user.x": "1"}}, "attributes"),
        ("include/link", {"linkname": "sh"}, "content"),
        ("include/empty", {"mode": 0o700}, "mode"),
    ],
)
def test_every_side_of_a_path_counts(name: str, fields: dict[str, Any], expected: str) -> None:
    found = differences([LOWER, replaced(name, **fields)], [LOWER, code()])
    assert found == [f"/{HOME}/{name} differs in {expected}"]


def test_what_does_not_count() -> None:
    """The mode of a link, the time of a directory, and times outside of the project."""
    link = replaced("include/link", linkname="run", mode=0o700)
    assert differences([LOWER, link], [LOWER, code()]) == []
    assert differences([LOWER, replaced("include/empty", mtime=5)], [LOWER, code()]) == []
    rebuilt = [*LOWER[:-1], entry("opt/b", data=b"b", mtime=99)]
    assert differences([rebuilt, code()], [LOWER, code()]) == []


def test_a_layer_below_that_was_built_anew() -> None:
    """As by a builder without a cache, which installs newer packages."""
    anew = [*LOWER[:-2], entry("opt/a", data=b"newer"), entry("opt/c", data=b"new")]
    assert differences([anew, code()], [LOWER, code()]) == [
        "/opt/a differs in content",
        "/opt/b is only in the image with the replaced layer",
        "/opt/c is only in the built image",
    ]


def test_more_and_fewer_layers_with_the_same_files() -> None:
    assert differences([LOWER[:3], LOWER[3:], code()], [LOWER, code()]) == []
    removal = [entry("opt/.wh.b", data=b"")]
    assert differences([LOWER, removal, code()], [LOWER, code()]) == [
        "/opt/b is only in the image with the replaced layer"
    ]
    again = [entry("opt/b", data=b"b")]
    assert differences([LOWER, removal, again, code()], [LOWER, code()]) == []


def test_what_layers_below_have_is_asked_where_it_matters() -> None:
    """BuildKit leaves out a directory that the base image has just so; a made layer has it."""
    with_directory = [entry(f"{HOME}/include", uid=1), entry(f"{HOME}/include/x", data=b"x")]
    assert differences([LOWER, with_directory[1:]], [LOWER, with_directory]) == []
    other = [entry(f"{HOME}/include", uid=2), *with_directory[1:]]
    assert differences([LOWER, with_directory[1:]], [LOWER, other]) == [
        f"/{HOME}/include differs in uid"
    ]


def test_directories_that_are_emptied_or_replaced() -> None:
    gone = f"/{HOME}/include/of-the-base is only in the image with the replaced layer"
    opaque = [entry(f"{HOME}/include", uid=1), entry(f"{HOME}/include/.wh..wh..opq", data=b"")]
    assert differences([LOWER, opaque], [LOWER, opaque[:1]]) == [gone]
    file = [entry(f"{HOME}/include", data=b"", uid=1, mode=0o755, mtime=0)]
    first, second = differences([LOWER, file], [LOWER, opaque[:1]])
    assert first.startswith(f"/{HOME}/include differs in kind, content")
    assert second == gone
    assert differences([LOWER, file, opaque[:1]], [LOWER, opaque[:1]]) == [gone]


def test_a_hard_link_is_the_file_that_it_leads_to() -> None:
    link = entry("opt/b", linkname="opt/a")
    link[0].type = tarfile.LNKTYPE
    same = [*LOWER[:-1], link]
    copied = [*LOWER[:-1], entry("opt/b", data=b"a")]
    assert differences([same, code()], [copied, code()]) == []
    assert differences([same, code()], [LOWER, code()]) == ["/opt/b differs in content"]


def test_of_many_paths_the_first_and_the_numbers() -> None:
    item = Item("file", 0o644, 0, 0, "a", 0)
    other = Item("file", 0o600, 0, 0, "a", 0)
    built = {f"{number:02}": item for number in range(20)}
    made = {f"{number:02}": other for number in range(15)} | {"x": item}
    found = summary(built, made)
    assert found[0] == "/00 differs in mode"
    assert len(found) == 11
    assert found[-1] == (
        "and 11 more paths: 5 only in the built image, 1 only in the image with the replaced "
        "layer, 5 in both"
    )
    assert summary(built, built) == []


def test_a_layer_that_cannot_be_read() -> None:
    broken = Stack(diff_ids=["x"], layers=[lambda: iter([b"x" * 2000])])
    with pytest.raises(NotFastError, match="a layer of the built image cannot be read"):
        tree_differences(broken, stack(code()), HOME)


def test_a_path_that_is_too_deep_to_look_up() -> None:
    deep = stack([entry("a/" * 400_000 + "a", data=b"")])
    with pytest.raises(NotFastError, match="cannot be read: a path is too long"):
        tree_differences(deep, stack(code()), HOME)


NAMES = st.sampled_from(("a", "b", "a/b", "a/c", "a/b/c", "b/a"))
KINDS = st.sampled_from(("file", "other", "directory", "gone", "emptied"))


@given(st.lists(st.dictionaries(NAMES, KINDS, max_size=5), min_size=1, max_size=5), st.data())
@settings(max_examples=examples(100), deadline=None)
def test_layers_merge_in_any_grouping(drawn: list[dict[str, str]], data: st.DataObject) -> None:
    """What is known of some layers is all that those below need."""

    def layer(kinds: dict[str, str]) -> Entries:
        made = []
        for path in sorted(kinds):
            parent, _, name = path.rpartition("/")
            if kinds.get(parent, "directory") != "directory":
                continue  # no tree has this
            if kinds[path] == "gone":
                made.append(entry(f"{parent}/.wh.{name}", data=b""))
            elif kinds[path] == "emptied":
                made += [entry(path), entry(f"{path}/.wh..wh..opq", data=b"")]
            elif kinds[path] == "directory":
                made.append(entry(path))
            else:
                made.append(entry(path, data=kinds[path].encode()))
        return made

    layers = stack(*map(layer, drawn)).layers
    split = data.draw(st.integers(0, len(layers)))
    whole = merge(layers, HOME).items
    assert put_on(merge(layers[:split], HOME).items, merge(layers[split:], HOME)) == whole


def test_an_image_of_a_registry_against_the_checkout(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.joinpath("include", "empty").mkdir(parents=True)
    root.joinpath("a.py").write_bytes(b"a = 1\n")
    root.joinpath("include", "run").write_bytes(b"#!/bin/sh\n")
    root.joinpath("include", "link").symlink_to("run")
    for path, mode in (("a.py", 0o644), ("include/run", 0o755)):
        root.joinpath(path).chmod(mode)
    for path in ("include", "include/empty"):
        root.joinpath(path).chmod(0o755)
    built = running(source(LAYER))
    layer = make(root, tmp_path / "one")
    assert tree_differences(stack_of(built), replaced_stack(built, layer), HOME) == []
    made = replace_code(built, layer, labels={}, created=CREATED)
    assert config_differences(built, made) == []

    root.joinpath("include", "new").touch(0o644)
    root.joinpath("a.py").write_bytes(b"a = 2\n")
    root.joinpath("include", "link").unlink()
    layer = make(root, tmp_path / "one")
    assert tree_differences(stack_of(built), replaced_stack(built, layer), HOME) == [
        f"/{HOME}/a.py differs in content",
        f"/{HOME}/include/link is only in the built image",
        f"/{HOME}/include/new is only in the image with the replaced layer",
    ]
    other = {**document(LAYER)["config"], "User": "root", "Labels": {"x": "z"}}
    found = running(source(LAYER, document(LAYER, config=other, variant="v2")))
    assert config_differences(found, made) == [
        "the config differs in Labels",
        "the config differs in User",
        "the config differs in variant",
    ]
