"""Images in archives: what is read of them, and which archives are refused."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from astro_ci.errors import ProjectError
from astro_ci.image.prebuilt.without_engine import StoredArchive
from astro_ci.image.stored.archive import ArchivedImage, read_archive
from astro_ci.image.stored.files import open_files
from tests.unit.image.stored.archives import (
    BASE,
    CODE,
    RUNTIME_LABEL,
    config,
    layout_files,
    program,
    saved_files,
    sha256,
    tar,
    write_directory,
    write_tar,
)

Files = dict[str, bytes | str | None]


def read(path: Path) -> ArchivedImage:
    scratch = Path(tempfile.mkdtemp(dir=_scratch()))
    return read_archive(open_files(path, scratch), scratch)


def _scratch() -> Path:
    return Path(os.environ["HOME"])  # a directory of the test


def plain_layers(image: ArchivedImage) -> list[bytes]:
    """The layers as a registry gets them, unpacked, after holding each against its digest."""
    found = []
    for layer in image.layers:
        descriptor = layer.describe()
        data = b"".join(layer.read(0))
        assert (len(data), sha256(data)) == (descriptor.size, descriptor.digest)
        assert b"".join(layer.read(10)) == data[10:]
        found.append(gzip.decompress(data))
    return found


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("kind", ["saved", "layout", "directory"])
def test_an_archive_gives_its_image(tmp_path: Path, kind: str, packed: bool) -> None:
    if kind == "saved":
        path = write_tar(tmp_path / "image.tar", saved_files(packed=packed))
    elif kind == "layout":
        path = write_tar(tmp_path / "image.tar", layout_files(packed=packed))
    else:
        path = write_directory(tmp_path / "image", layout_files(packed=packed))
    image = read(path)
    assert plain_layers(image) == [BASE, CODE]
    manifest = image.manifest()
    assert manifest.config.digest == sha256(config(BASE, CODE))
    assert [layer.digest for layer in manifest.layers] == [
        layer.describe().digest for layer in image.layers
    ]
    assert all(layer.media_type.endswith("gzip") for layer in manifest.layers)
    if kind != "saved" and packed:
        assert image.raw == manifest.raw, "an image that is ready keeps its digest"
    if kind != "saved":
        assert json.loads(manifest.raw)["annotations"] == {"kept": "yes"}
    again = read(path).manifest() if packed and kind != "saved" else manifest
    assert again.digest == manifest.digest


def test_what_was_packed_is_the_same_each_time(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "image.tar", saved_files())
    digests = []
    for _ in range(2):
        image = read(path)
        plain_layers(image)
        digests.append(image.manifest().digest)
    assert digests[0] == digests[1]


def test_layers_that_two_places_share(tmp_path: Path) -> None:
    """Docker wrote them as links once, and lists an empty layer as often as it occurs."""
    files = saved_files(BASE, CODE, CODE)
    files["layer-2/layer.tar"] = "../layer-1/layer.tar"
    image = read(write_tar(tmp_path / "image.tar", files))
    assert plain_layers(image) == [BASE, CODE, CODE]
    assert len(image.blobs) == 3
    assert len(image.manifest().layers) == 3


def test_facts_of_an_archive(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "image.tar", saved_files())
    source = StoredArchive(path, {"TMPDIR": str(tmp_path)})
    ready = source.fetch()
    assert ready is source.fetch()
    assert ready.facts.id == sha256(config(BASE, CODE))
    assert (ready.facts.os, ready.facts.architecture) == ("linux", "amd64")
    assert (ready.facts.runtime_version, ready.facts.machine) == ("13.1.0", "amd64")
    assert ready.facts.reference == str(path)
    assert ready.dag_files() == ["one.py"]
    source.close()
    assert [one.name for one in tmp_path.iterdir()] == ["image.tar"]


@pytest.mark.parametrize(
    ("changes", "layers", "message"),
    [
        ({"architecture": "arm64"}, (BASE,), "is for linux/arm64, and Astro runs linux/amd64"),
        ({"os": "windows"}, (BASE,), "is for Windows"),
        ({"os": ""}, (BASE,), "is for an unknown system/amd64"),
        ({}, (tar({"usr/bin/env": program(183)}),), "its programs are for arm64"),
    ],
)
def test_an_image_for_another_machine(
    tmp_path: Path, changes: dict[str, Any], layers: tuple[bytes, ...], message: str
) -> None:
    told = config(*layers, **changes)
    path = write_tar(tmp_path / "image.tar", saved_files(*layers, told=told))
    source = StoredArchive(path, {})
    with pytest.raises(ProjectError, match=message) as caught:
        source.fetch()
    source.close()
    assert "linux" in caught.value.hint.lower()


def test_of_several_platforms_the_one_of_astro(tmp_path: Path) -> None:
    other = layout_files(BASE, told=config(BASE, architecture="arm64"))
    files = layout_files()
    entries = [
        {**json.loads(one["index.json"] or b"")["manifests"][0], "platform": platform}
        for one, platform in (
            (other, {"os": "linux", "architecture": "arm64"}),
            (files, {"os": "linux", "architecture": "amd64"}),
        )
    ]
    index = {"schemaVersion": 2, "manifests": entries}
    path = write_tar(tmp_path / "image.tar", {**other, **files, "index.json": as_json(index)})
    assert plain_layers(read(path)) == [BASE, CODE]

    # As buildx writes it: the index of the layout names the index of the image.
    inner = as_json(index)
    outer = {"manifests": [{"digest": sha256(inner), "size": len(inner)}]}
    nested = {f"blobs/sha256/{sha256(inner)[7:]}": inner, "index.json": as_json(outer)}
    assert plain_layers(read(write_tar(tmp_path / "i.tar", {**other, **files, **nested})))

    alone = as_json({"schemaVersion": 2, "manifests": entries[:1] * 2})
    only_arm = {**other, "index.json": alone}
    source = StoredArchive(write_tar(tmp_path / "arm.tar", only_arm), {})
    with pytest.raises(ProjectError, match="is for linux/arm64"):
        source.fetch()
    source.close()


def as_json(document: object) -> bytes:
    return json.dumps(document).encode()


def without(files: Files, *names: str) -> Files:
    return {name: content for name, content in files.items() if name not in names}


def with_manifest(**changes: Any) -> Files:
    files = saved_files()
    image = json.loads(files["manifest.json"] or b"")[0]
    return {**files, "manifest.json": as_json([{**image, **changes}])}


def two_saved() -> Files:
    files = saved_files(tags=["a:1", "b:2"])
    image = json.loads(files["manifest.json"] or b"")[0]
    return {**files, "manifest.json": as_json([image, {**image, "RepoTags": None}])}


def two_in_layout() -> Files:
    first, second = layout_files(), layout_files(BASE)
    entries = [json.loads(one["index.json"] or b"")["manifests"][0] for one in (first, second)]
    entries[0]["annotations"] = {"org.opencontainers.image.ref.name": "one"}
    return {**first, **second, "index.json": as_json({"manifests": entries})}


def changed_blob() -> Files:
    files = layout_files()
    name = next(name for name, data in files.items() if data == config(BASE, CODE))
    return {**files, name: config(BASE, CODE).replace(b"linux", b"linus")}


REFUSED: list[tuple[str, Callable[[], Files], str]] = [
    ("empty", lambda: {}, "has neither the manifest.json"),
    ("other files", lambda: {"README.md": b"x"}, "has neither the manifest.json"),
    ("no config", lambda: without(saved_files(), "config.json"), "lacks the image's configuration"),
    ("no layer", lambda: without(saved_files(), "layer-1/layer.tar"), "lacks layer-1/layer.tar"),
    ("two images", two_saved, r"holds 3 images \(a:1, b:2, one without a name\)"),
    ("no image", lambda: {**saved_files(), "manifest.json": b"[]"}, "holds no image"),
    ("nonsense", lambda: {**saved_files(), "manifest.json": b"{]"}, "manifest.json cannot be read"),
    ("other JSON", lambda: {**saved_files(), "manifest.json": b"7"}, "cannot be read"),
    ("deep", lambda: {**saved_files(), "manifest.json": b"[" * 99_999}, "cannot be read"),
    ("huge", lambda: {**saved_files(), "manifest.json": bytes(5 << 20)}, "5242880 bytes, more"),
    ("up", lambda: with_manifest(Config="../../etc/passwd"), "lacks the image's configuration"),
    ("away", lambda: with_manifest(Layers=["/etc/passwd", "../x"]), "lacks /etc/passwd"),
    (
        "few layers",
        lambda: with_manifest(Layers=["layer-0/layer.tar"]),
        "1 layers and digests of 2",
    ),
    ("no config at all", lambda: saved_files(told=b"[]"), "has a config that cannot be read"),
    (
        "bad digest",
        lambda: saved_files(told=config(BASE, CODE, rootfs={"diff_ids": ["sha256:../x"] * 2})),
        "layers and digests",
    ),
    ("two in a layout", two_in_layout, r"holds 2 images \(one, one without a name\)"),
    ("an empty layout", lambda: {**layout_files(), "index.json": b'{"manifests": []}'}, "no image"),
    ("no index", lambda: {**layout_files(), "index.json": b"[]"}, "index.json cannot be read"),
    ("a changed config", changed_blob, "its config does not have the digest in the manifest"),
    (
        "a missing manifest",
        lambda: {
            **layout_files(),
            "index.json": as_json({"manifests": [{"digest": sha256(b""), "size": 1}]}),
        },
        "lacks the manifest sha256:",
    ),
    (
        "no digest",
        lambda: {
            **layout_files(),
            "index.json": as_json({"manifests": [{"digest": "../../x", "size": 1}]}),
        },
        "which is not a digest",
    ),
    (
        "a loop",
        lambda: {**without(saved_files(), "config.json"), "config.json": "config.json"},
        "lacks",
    ),
]


@pytest.mark.parametrize(("make", "message"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_refused(tmp_path: Path, make: Callable[[], Files], message: str) -> None:
    path = write_tar(tmp_path / "image.tar", make())
    with pytest.raises(ProjectError, match=message) as caught:
        read(path)
    assert caught.value.exit_code == 3
    assert caught.value.hint.endswith(".")


def test_a_layer_that_was_changed(tmp_path: Path) -> None:
    for packed in (False, True):
        files = saved_files(packed=packed)
        files["layer-1/layer.tar"] = gzip.compress(BASE) if packed else BASE
        image = read(write_tar(tmp_path / "image.tar", files))
        with pytest.raises(ProjectError, match=r"should be sha256:.* and is sha256:"):
            plain_layers(image)
    files["layer-1/layer.tar"] = gzip.compress(CODE)[:-20] + bytes(20)
    with pytest.raises(ProjectError, match=r"broken|should be"):
        plain_layers(read(write_tar(tmp_path / "image.tar", files)))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_an_archive_that_is_cut_off(tmp_path: Path, share: float) -> None:
    whole = tar(saved_files()).rstrip(b"\0")
    path = tmp_path / "image.tar"
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ProjectError, match=r"cut off|lacks|neither"):
        plain_layers(read(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a tar archive"),
        (b"hello" * 1000, "not a tar archive"),
    ],
    ids=["nothing", "text"],
)
def test_what_is_no_archive(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=message):
        read(path)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_an_archive_that_is_compressed(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    whole = compress(tar(saved_files()))
    path = tmp_path / "image.tar.x"
    path.write_bytes(whole)
    assert plain_layers(read(path)) == [BASE, CODE]
    path.write_bytes(compress(tar(saved_files())[:700]) + compress(tar(saved_files())[700:]))
    assert plain_layers(read(path)) == [BASE, CODE]
    for broken in (whole[:-20], whole[:200]):
        path.write_bytes(broken)
        with pytest.raises(ProjectError, match="cut off"):
            read(path)
    path.write_bytes(whole[:30] + bytes(300) + whole[330:])
    with pytest.raises(ProjectError, match=r"cannot be unpacked|cut off|not a tar"):
        read(path)


def test_a_compression_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "image.tar.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd" + bytes(600))
    with pytest.raises(ProjectError, match="compressed with zstd") as caught:
        read(path)
    assert "`zstd -d`" in caught.value.hint


def test_entries_that_come_twice(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("manifest.json", "./manifest.json"):
            entry = tarfile.TarInfo(name)
            entry.size = 2
            archive.addfile(entry, io.BytesIO(b"[]"))
    path = tmp_path / "image.tar"
    path.write_bytes(out.getvalue())
    with pytest.raises(ProjectError, match=r"holds manifest.json twice"):
        read(path)


def test_a_header_that_would_fill_the_memory(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.XHDTYPE, 4 << 30
    path = tmp_path / "image.tar"
    with path.open("wb") as file:
        file.write(entry.tobuf())
        file.truncate(5 << 30)
    with pytest.raises(ProjectError, match="a header is too long"):
        read(path)


def test_headers_that_would_fill_the_stack(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("x")
    entry.type = tarfile.XHDTYPE
    path = tmp_path / "image.tar"
    path.write_bytes(entry.tobuf() * 2000 + tarfile.TarInfo("index.json").tobuf() + bytes(1024))
    with pytest.raises(ProjectError, match="a file has too many headers"):
        read(path)


@pytest.mark.parametrize("time", ["inf", "-inf", "nan"])
def test_a_time_that_is_no_number(tmp_path: Path, time: str) -> None:
    entry = tarfile.TarInfo("index.json")
    entry.pax_headers = {"mtime": time}
    path = tmp_path / "image.tar"
    path.write_bytes(entry.tobuf(tarfile.PAX_FORMAT) + bytes(1024))
    with pytest.raises(ProjectError, match="a time that is no number"):
        read(path)


def test_more_files_than_an_archive_has(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(tar({str(number): b"" for number in range(20_001)}))
    with pytest.raises(ProjectError, match="more than 20000 files"):
        read(path)


def test_an_archive_that_changes_meanwhile(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "image.tar", saved_files())
    image = read(path)
    os.utime(path, (1, 1))
    with pytest.raises(ProjectError, match="changed while it was read"):
        plain_layers(image)


def test_where_nothing_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, message in (
        ("missing", "cannot be read: No such file"),
        ("file/below", "cannot be read: Not a directory"),
        ("empty", "a directory without an index.json"),
        ("pipe", "cannot be read"),
        ("n" * 300, "cannot be read: File name too long"),
    ):
        with pytest.raises(ProjectError, match=message):
            read(tmp_path / name)


def test_a_directory_of_a_checkout_leads_nowhere_else(tmp_path: Path) -> None:
    """Links out of the repository are not followed, whoever wrote them."""
    secret = config(BASE, CODE)
    (tmp_path / "secret").write_bytes(secret)
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    layout = write_directory(repository / "image", layout_files())
    blob = layout / "blobs" / "sha256" / sha256(secret)[7:]
    blob.unlink()
    blob.symlink_to(tmp_path / "secret")
    with pytest.raises(ProjectError, match="link that leads out of the repository"):
        read(layout)


def test_a_layer_of_more_than_two_gigabytes_is_described_in_little_memory(tmp_path: Path) -> None:
    """A hole in a file: what matters is that sizes are right and nothing is held."""
    path = tmp_path / "image.tar"
    files = {name: data for name, data in saved_files().items() if "layer-1" not in name}
    size = 3 << 30
    image = json.loads(files["manifest.json"] or b"")[0]
    image["Layers"][1] = "large"
    told = config(BASE, rootfs={"diff_ids": [sha256(BASE), sha256(b"unknown")]})
    files |= {"config.json": told, "manifest.json": as_json([image])}
    start = tar(files)
    entry = tarfile.TarInfo("large")
    entry.size = size
    with path.open("wb") as file:
        file.write(start.rstrip(b"\0"))
        file.truncate(-(-file.tell() // 512) * 512)
        file.seek(0, os.SEEK_END)
        file.write(entry.tobuf())
        file.seek(size + 1024, os.SEEK_CUR)
        file.truncate()
    found = read(path)
    assert found.layers[1].size == size
    assert next(found.layers[1].look()) == bytes(256 << 10)
    assert hashlib.sha256(found.config).hexdigest() == sha256(told)[7:]


def test_labels_are_cleaned_of_what_moves_a_cursor(tmp_path: Path) -> None:
    labels = {RUNTIME_LABEL: "13.1\n\x1b[2J::error::x" + "y" * 500}
    told = config(BASE, CODE, os="lin\nux", config={"Labels": labels})
    path = write_tar(tmp_path / "image.tar", saved_files(told=told))
    with (
        closing(StoredArchive(path, {})) as refused,
        pytest.raises(ProjectError) as caught,
    ):
        refused.fetch()
    assert "for lin\\nux/amd64" in caught.value.message
    told = config(BASE, CODE, config={"Labels": labels})
    path = write_tar(tmp_path / "image.tar", saved_files(told=told))
    with closing(StoredArchive(path, {})) as source:
        found = source.fetch().facts.runtime_version or ""
    assert found.startswith("13.1\\n\\x1b[2J")
    assert len(found) <= 80
