"""A running image in memory, and the tree that its code layer has."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from astro_ci.image.fast.running import RunningImage, read_running
from astro_ci.image.fast.tree import GitFile
from astro_ci.image.registry.client import Repository
from astro_ci.image.registry.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    digest_of,
    read_manifest,
)

HOME = "usr/local/airflow"
STEP = "COPY . . # buildkit"
LOWER = b"\0" * 1024


def blob(data: bytes) -> str:
    """The id that git gives to some bytes."""
    made = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    made.update(data)
    return made.hexdigest()


TREE = {
    "a.py": GitFile("file", blob(b"a = 1\n")),
    "include/run": GitFile("program", blob(b"#!/bin/sh\n")),
    "include/link": GitFile("link", blob(b"run")),
}


def entry(name: str, **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    """An entry of a layer; `data` makes it a file, `linkname` a link."""
    made = tarfile.TarInfo(name)
    data = fields.pop("data", None)
    made.uid, made.gid, made.mtime = 50000, 0, 315_619_200
    if data is None:
        made.type = tarfile.SYMTYPE if "linkname" in fields else tarfile.DIRTYPE
    made.mode = 0o755 if made.isdir() else 0o644
    made.size = len(data or b"")
    for key, value in fields.items():
        setattr(made, key, value)
    return made, data or b""


def parents() -> list[tuple[tarfile.TarInfo, bytes]]:
    return [
        entry("usr", uid=0, mtime=1000),
        entry("usr/local", uid=0, mtime=1001),
        entry(HOME, mode=0o775, mtime=1002),
    ]


def code() -> list[tuple[tarfile.TarInfo, bytes]]:
    """What the tree looks like in a layer."""
    return [
        *parents(),
        entry(f"{HOME}/a.py", data=b"a = 1\n"),
        entry(f"{HOME}/include"),
        entry(f"{HOME}/include/empty"),
        entry(f"{HOME}/include/link", linkname="run", mode=0o777),
        entry(f"{HOME}/include/run", data=b"#!/bin/sh\n", mode=0o755),
    ]


def tar(entries: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for one, data in entries:
            archive.addfile(one, io.BytesIO(data))
    return out.getvalue()


class Source:
    """Stands in for a repository, whose blobs are in memory."""

    def __init__(self, manifest: bytes, media_type: str, blobs: Mapping[str, bytes]) -> None:
        self.manifest, self.media_type, self.blobs = manifest, media_type, blobs

    def image(self, reference: str) -> Manifest:
        found = read_manifest(self.manifest, self.media_type, reference)
        assert isinstance(found, Manifest)
        return found

    def config(self, manifest: Manifest) -> bytes:
        return self.blobs[manifest.config.digest]

    def read(self, one: Descriptor, offset: int = 0) -> Iterator[bytes]:
        data = self.blobs[one.digest][offset:]
        for start in range(0, len(data), 100):
            yield data[start : start + 100]


def document(layer: bytes, **changes: Any) -> dict[str, Any]:
    """The config of an image with two layers."""
    return {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-11-20T10:00:00.123456789Z",
        "config": {
            "WorkingDir": f"/{HOME}",
            "User": "astro",
            "Labels": {"io.astronomer.docker.runtime.version": "13.1.0", "x": "y"},
            "Odd": {"kept": True},
        },
        "rootfs": {"type": "layers", "diff_ids": [digest_of(LOWER), digest_of(layer)]},
        "history": [
            {"created_by": "RUN pip install"},
            {"created_by": "USER astro", "empty_layer": True},
            {"created_by": STEP, "comment": "buildkit.dockerfile.v0"},
            {"created_by": "ENV A=1", "empty_layer": True},
        ],
        "moby.buildkit.buildinfo.v1": "kept",
        "moby.buildkit.cache.v0": "of the old layer",
        **changes,
    }


def source(
    layer: bytes,
    config: Mapping[str, Any] | None = None,
    *,
    oci: bool = False,
    packed: bytes | None = None,
    **changes: Any,
) -> Source:
    """An image; `changes` are keys of its manifest."""
    raw = json.dumps(config or document(layer)).encode()
    top = gzip.compress(layer, mtime=0) if packed is None else packed
    lower = gzip.compress(LOWER, mtime=0)
    kinds = (
        (OCI_MANIFEST, OCI_CONFIG, "application/vnd.oci.image.layer.v1.tar+gzip")
        if oci
        else (DOCKER_MANIFEST, DOCKER_CONFIG, "application/vnd.docker.image.rootfs.diff.tar.gzip")
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": kinds[0],
        "config": {"mediaType": kinds[1], "digest": digest_of(raw), "size": len(raw)},
        "layers": [
            {"mediaType": kinds[2], "digest": digest_of(one), "size": len(one)}
            for one in (lower, top)
        ],
        **changes,
    }
    blobs = {digest_of(one): one for one in (raw, lower, top)}
    return Source(json.dumps(manifest).encode(), kinds[0], blobs)


def running(found: Source) -> RunningImage:
    return read_running(cast("Repository", found), "tag")
