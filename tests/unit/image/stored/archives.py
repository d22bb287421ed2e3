"""Image archives as tests need them: whole ones, and ones with a flaw."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RUNTIME_LABEL = "io.astronomer.docker.runtime.version"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def program(machine: int = 62) -> bytes:
    """The start of an ELF file; 62 is amd64, 183 arm64."""
    header = struct.pack("<4sBBBB8xHH", b"\x7fELF", 2, 1, 1, 0, 2, machine)
    return header + bytes(100)


def tar(files: Mapping[str, bytes | str | None]) -> bytes:
    """Pack files; a text is a link's target, None a directory."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if content is None:
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            elif isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


BASE = tar({"bin/sh": program(), "etc/os-release": b"x"})
CODE = tar({"usr/local/airflow/dags/one.py": b"1", "usr/local/airflow/include/two": b"2"})


def config(*layers: bytes, **changes: Any) -> bytes:
    document = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": {RUNTIME_LABEL: "13.1.0"}},
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
    }
    return json.dumps(document | changes).encode()


def saved_files(
    *layers: bytes, tags: list[str] | None = None, told: bytes | None = None, packed: bool = False
) -> dict[str, bytes | str | None]:
    """The files of `docker save`."""
    layers = layers or (BASE, CODE)
    told = config(*layers) if told is None else told
    names = [f"layer-{number}/layer.tar" for number in range(len(layers))]
    image = {"Config": "config.json", "RepoTags": tags, "Layers": names}
    contents = [gzip.compress(layer) if packed else layer for layer in layers]
    return {
        **dict(zip(names, contents, strict=True)),
        "config.json": told,
        "manifest.json": json.dumps([image]).encode(),
        "repositories": b"{}",
    }


def layout_files(
    *layers: bytes, packed: bool = True, told: bytes | None = None, **index: Any
) -> dict[str, bytes | str | None]:
    """The files of an OCI layout."""
    layers = layers or (BASE, CODE)
    told = config(*layers) if told is None else told
    blobs = [gzip.compress(layer, mtime=0) if packed else layer for layer in layers]
    kind = f"{OCI_LAYER}+gzip" if packed else OCI_LAYER
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": sha256(told), "size": len(told)},
            "layers": [{"mediaType": kind, "digest": sha256(b), "size": len(b)} for b in blobs],
            "annotations": {"kept": "yes"},
        }
    ).encode()
    entry = {"mediaType": OCI_MANIFEST, "digest": sha256(manifest), "size": len(manifest)}
    return {
        "oci-layout": b'{"imageLayoutVersion": "1.0.0"}',
        "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry], **index}).encode(),
        **{f"blobs/sha256/{sha256(b)[7:]}": b for b in (told, manifest, *blobs)},
    }


def write_tar(path: Path, files: Mapping[str, bytes | str | None]) -> Path:
    path.write_bytes(tar(files))
    return path


def write_directory(path: Path, files: Mapping[str, bytes | str | None]) -> Path:
    for name, content in files.items():
        target = path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        assert isinstance(content, bytes)
        target.write_bytes(content)
    return path
