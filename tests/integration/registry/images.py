"""Small images in memory, and the registries that they are sent to."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from astro_ci.image.registry.client import Repository, open_repository
from astro_ci.image.registry.login import Login
from astro_ci.image.registry.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    read_manifest,
)
from astro_ci.image.registry.send import Blob
from astro_ci.web.session import Patience
from tests.unit.image.stored import archives

RUNTIME_LABEL = "io.astronomer.docker.runtime.version"
HINT = "Check the token."


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def login(password: str, username: str = "cli") -> Login:
    return Login(username=username, password=lambda: password, hint=HINT)


def repository(
    host: str, name: str, password: str = "", *, sleep: list[float] | None = None, attempts: int = 3
) -> Repository:
    pauses: list[float] = [] if sleep is None else sleep
    patience = Patience(attempts=attempts, timeout_seconds=(5.0, 10.0), sleep=pauses.append)
    return open_repository(host, name, login(password) if password else None, patience)


def tar(**files: bytes) -> bytes:
    """A layer, not compressed."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


class MemoryImage:
    """An image for linux/amd64 from Astro Runtime, unless it is told otherwise."""

    def __init__(
        self,
        layers: Sequence[bytes] = (),
        *,
        oci: bool = False,
        runtime: str | None = "13.1.0",
        architecture: str = "amd64",
        os_name: str = "linux",
    ) -> None:
        self.tars = list(layers) or [
            archives.tar({"bin/sh": archives.program(), "one": os.urandom(2000)}),
            tar(two=os.urandom(100)),
        ]
        packed = [gzip.compress(layer, 1, mtime=0) for layer in self.tars]
        self.config: dict[str, Any] = {
            "os": os_name,
            "architecture": architecture,
            "config": {"Labels": {} if runtime is None else {RUNTIME_LABEL: runtime}},
            "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in self.tars]},
        }
        config = json.dumps(self.config).encode()
        self.blobs = {sha256(blob): blob for blob in (config, *packed)}
        kinds = (
            ("application/vnd.oci.image.layer.v1.tar+gzip", OCI_CONFIG, OCI_MANIFEST)
            if oci
            else (
                "application/vnd.docker.image.rootfs.diff.tar.gzip",
                DOCKER_CONFIG,
                DOCKER_MANIFEST,
            )
        )
        document = {
            "schemaVersion": 2,
            "mediaType": kinds[2],
            "config": {"mediaType": kinds[1], "digest": sha256(config), "size": len(config)},
            "layers": [
                {"mediaType": kinds[0], "digest": sha256(layer), "size": len(layer)}
                for layer in packed
            ],
        }
        self.what = "an image in memory"
        found = read_manifest(json.dumps(document).encode(), kinds[2], self.what)
        assert isinstance(found, Manifest)
        self.manifest = found
        self.reads = 0

    @property
    def sendable(self) -> Sendable:
        return Sendable(self)

    def read(self, blob: Descriptor, offset: int = 0) -> Iterator[bytes]:
        self.reads += 1
        data = self.blobs[blob.digest]
        for start in range(offset, len(data), 65536):
            yield data[start : start + 65536]


class Sendable:
    """The image as the client takes it."""

    host = repository = ""
    what = "an image in memory"

    def __init__(self, image: MemoryImage) -> None:
        self._image = image

    @property
    def blobs(self) -> list[Blob]:
        return [self._blob(one) for one in self._image.manifest.blobs]

    def manifest(self) -> Manifest:
        return self._image.manifest

    def _blob(self, one: Descriptor) -> Blob:
        read = partial(self._image.read, one)
        return Blob(size=one.size, describe=lambda: one, read=read, look=read)
