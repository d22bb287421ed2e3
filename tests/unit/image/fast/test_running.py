"""The shape that the running image has to have, and its code layer held against its commit."""

from __future__ import annotations

import tarfile
from typing import Any

import pytest

from astro_ci.errors import RegistryError
from astro_ci.image.fast.old_layer import read_old_layer
from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.fast.tree import GitFile
from tests.unit.image.fast.images import HOME, TREE, code, document, entry, running, source, tar

LAYER = tar(code())


def test_a_layer_of_its_commit() -> None:
    old = read_old_layer(running(source(LAYER)), TREE)
    assert old.owner == (50000, 0)
    assert [(one.name, one.mode, one.mtime) for one in old.parents] == [
        ("usr", 0o755, 1000),
        ("usr/local", 0o755, 1001),
        (HOME, 0o775, 1002),
    ]
    assert old.modes == {"a.py": 0o644, "include/run": 0o755}
    assert old.top == {"a.py": "file", "include": "directory"}


@pytest.mark.parametrize("prefix", ["./", "/"])
def test_names_may_be_written_otherwise(prefix: str) -> None:
    entries = code()
    for one, _ in entries:
        one.name = prefix + one.name
    assert read_old_layer(running(source(tar(entries))), TREE).files == TREE


@pytest.mark.parametrize(
    "step",
    [
        "COPY . . # buildkit",
        "COPY . . # astro-ci",
        f"/bin/sh -c #(nop) COPY dir:{'a' * 64} in . ",
        f"/bin/sh -c #(nop) COPY --chown=astro:0dir:{'a' * 64} in . ",
        f"/bin/sh -c #(nop) COPY --chown=astro:0 dir:{'a' * 64} in . ",
    ],
)
def test_the_step_of_each_builder(step: str) -> None:
    history = [{"created_by": "x"}, {"created_by": step}]
    assert running(source(LAYER, document(LAYER, history=history))).home == HOME


def history(*steps: str) -> dict[str, Any]:
    return {"history": [{"created_by": step} for step in steps]}


SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "too short a history": (history("COPY . . # buildkit"), "2 layers, 2 digests, 1 steps"),
    "too long a history": (history("a", "b", "COPY . . # buildkit"), "3 steps"),
    "no history": ({"history": None}, "has no history"),
    "an odd history": ({"history": ["x", "y"]}, "has no history"),
    "no digests": ({"rootfs": {}}, "has no history"),
    "other digests": ({"rootfs": {"diff_ids": ["sha256:1"]}}, "2 layers, 1 digests, 2 steps"),
    "a RUN at the end": (history("a", "RUN x # buildkit"), "but of 'RUN x # buildkit'"),
    "another COPY at the end": (history("a", "COPY include . # buildkit"), "COPY include"),
    "a COPY with a mode": (history("a", "COPY --chmod=755 . . # buildkit"), "--chmod"),
    "a single file": (history("a", f"/bin/sh -c #(nop) COPY file:{'a' * 64} in . "), "COPY file"),
    "another platform": ({"architecture": "arm64"}, "not for linux/amd64"),
    "Windows": ({"os": "windows"}, "not for linux/amd64"),
    "no directory": ({"config": {"WorkingDir": "/"}}, "in the root directory"),
    "a relative directory": ({"config": {"WorkingDir": "../x"}}, "in the root directory"),
    "no config at all": ({"config": None}, "in the root directory"),
}


@pytest.mark.parametrize(("changes", "reason"), SHAPES.values(), ids=SHAPES)
def test_another_shape(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotFastError) as caught:
        running(source(LAYER, document(LAYER, **changes)))
    assert reason in str(caught.value)


def test_a_manifest_that_belongs_to_another_one() -> None:
    with pytest.raises(NotFastError, match="is for another image"):
        running(source(LAYER, oci=True, subject={"digest": "sha256:1"}))


def test_a_layer_that_is_too_large() -> None:
    found = source(LAYER)
    found.manifest = found.manifest.replace(
        b'"size": %d}]' % len(found.blobs[running(found).code_layer.digest]), b'"size": 536870913}]'
    )
    with pytest.raises(NotFastError, match="has 512 MiB, more than 512"):
        running(found)


def test_a_registry_that_fails() -> None:
    class Failing:
        def image(self, reference: str) -> None:
            raise RegistryError("no answer")

    with pytest.raises(NotFastError, match="could not be read: no answer"):
        running(Failing())  # type: ignore[arg-type]


def with_entry(name: str, **fields: Any) -> bytes:
    return tar([*code(), entry(f"{HOME}/{name}", **fields)])


def without(name: str) -> bytes:
    return tar([one for one in code() if one[0].name != f"{HOME}/{name}"])


def changed(name: str, **fields: Any) -> bytes:
    kept = [one for one in code() if one[0].name != f"{HOME}/{name}"]
    return tar([*kept, entry(f"{HOME}/{name}", **fields)])


LAYERS: dict[str, tuple[bytes, str]] = {
    "one file more": (with_entry("b.py", data=b""), "does not have: b.py"),
    "a whiteout": (with_entry(".wh.b.py", data=b""), "does not have: .wh.b.py"),
    "one file less": (without("a.py"), "lacks files that its commit has: a.py"),
    "other bytes": (changed("a.py", data=b"a = 2\n"), "not those of its commit: a.py"),
    "a program": (changed("a.py", data=b"a = 1\n", mode=0o744), "not those of its commit: a.py"),
    "another target": (changed("include/link", linkname="x"), "its commit: include/link"),
    "a link for a file": (changed("a.py", linkname="x"), "not those of its commit: a.py"),
    "a directory for a file": (changed("a.py"), "lacks files that its commit has: a.py"),
    "another owner": (changed("a.py", data=b"a = 1\n", uid=1), "belong to several users"),
    "another group": (changed("a.py", data=b"a = 1\n", gid=1), "belong to several users"),
    "setuid": (changed("a.py", data=b"a = 1\n", mode=0o4644), "a.py has special permissions"),
    "a sticky directory": (changed("include", mode=0o1755), "include has special permissions"),
    "a device": (with_entry("d", type=tarfile.CHRTYPE), "d is neither a file"),
    "a hard link": (
        with_entry("h", type=tarfile.LNKTYPE, linkname=f"{HOME}/a.py"),
        "h is neither a file",
    ),
    "attributes": (
        changed("a.py", data=b"a = 1\n", pax_headers={"SCHILY.xattr.user.x": "1"}),
        "a.py has special permissions or attributes",
    ),
    "twice": (with_entry("a.py", data=b"a = 1\n"), "has a.py twice"),
    "a file elsewhere": (tar([*code(), entry("etc/x", data=b"")]), "files elsewhere: /etc/x"),
    "a file in the place of a directory": (
        tar([entry("usr", data=b"")]),
        "/usr is not an ordinary",
    ),
    "nothing": (b"\0" * 1024, "lacks files"),
    "cut off": (LAYER[:2000], "lacks files"),
    "no archive": (b"x" * 2048, "cannot be read"),
}


@pytest.mark.parametrize(("layer", "reason"), LAYERS.values(), ids=LAYERS)
def test_a_layer_that_is_not_its_commit(layer: bytes, reason: str) -> None:
    image = running(source(layer))
    with pytest.raises(NotFastError) as caught:
        read_old_layer(image, TREE)
    assert reason in str(caught.value)


def test_a_layer_of_no_files() -> None:
    with pytest.raises(NotFastError, match="several users, or there are none"):
        read_old_layer(running(source(b"\0" * 1024)), {})


def test_a_layer_that_is_not_the_one_of_the_config() -> None:
    found = running(source(LAYER, document(LAYER + b"\0" * 512)))
    with pytest.raises(NotFastError, match="not the one that the image's config names"):
        read_old_layer(found, TREE)


def test_a_layer_that_is_not_the_one_of_the_manifest() -> None:
    found = source(LAYER)
    image = running(found)
    digest = image.code_layer.digest
    wrong = bytearray(found.blobs[digest])
    wrong[-1] ^= 1
    found.blobs = {**found.blobs, digest: bytes(wrong)}
    with pytest.raises(NotFastError, match=r"the code layer (could not|cannot) be read"):
        read_old_layer(image, TREE)


def test_a_layer_that_zstd_compressed() -> None:
    packed = bytes.fromhex("28b52ffd") + b"x" * 600
    with pytest.raises(NotFastError, match="cannot be read"):
        read_old_layer(running(source(LAYER, packed=packed)), TREE)


def test_trees_of_sha256() -> None:
    import hashlib

    tree = {
        path: GitFile(one.kind, hashlib.sha256(b"blob %d\0%b" % (len(data), data)).hexdigest())
        for (path, one), data in zip(
            TREE.items(), (b"a = 1\n", b"#!/bin/sh\n", b"run"), strict=True
        )
    }
    assert read_old_layer(running(source(LAYER)), tree).files == tree
