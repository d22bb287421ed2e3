"""Manifests: what is read of them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from astro_ci.errors import ProjectError, RegistryError
from astro_ci.image.registry.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    Manifest,
    digest_of,
    read_manifest,
)

A, B = (digest_of(text) for text in (b"a", b"b"))


def image(config_type: str = OCI_CONFIG, **changes: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "config": {"mediaType": config_type, "digest": A, "size": 1},
        "layers": [{"mediaType": "x", "digest": B, "size": 2}] * 2,
        "annotations": {"kept": "as it is"},
    }
    return json.dumps(document | changes).encode()


def index(*platforms: dict[str, str] | None) -> bytes:
    entries = [
        {"mediaType": OCI_MANIFEST, "digest": digest_of(str(i).encode()), "size": 1, "platform": p}
        for i, p in enumerate(platforms)
    ]
    return json.dumps({"schemaVersion": 2, "manifests": entries}).encode()


def test_an_image() -> None:
    found = read_manifest(image(), OCI_MANIFEST, "it")
    assert isinstance(found, Manifest)
    assert found.digest == digest_of(image())
    assert [layer.digest for layer in found.layers] == [B, B]
    assert [blob.digest for blob in found.blobs] == [B, A]


@pytest.mark.parametrize(
    ("told", "inside", "config", "expected"),
    [
        (DOCKER_MANIFEST, "", DOCKER_CONFIG, DOCKER_MANIFEST),
        ("application/json", OCI_MANIFEST, OCI_CONFIG, OCI_MANIFEST),
        ("", DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_MANIFEST),
        ("text/plain", "", DOCKER_CONFIG, DOCKER_MANIFEST),
        ("text/plain", "", OCI_CONFIG, OCI_MANIFEST),
    ],
)
def test_the_type_of_a_manifest(told: str, inside: str, config: str, expected: str) -> None:
    found = read_manifest(image(config, mediaType=inside), told, "it")
    assert isinstance(found, Manifest)
    assert found.media_type == expected


@pytest.mark.parametrize(
    ("platforms", "taken"),
    [
        ([("linux", "arm64", "v8"), ("linux", "amd64", "")], 1),
        ([("linux", "amd64", "v3"), ("linux", "amd64", "v2"), ("linux", "amd64", "")], 2),
        ([("windows", "amd64", ""), ("linux", "amd64", "v2")], 1),
        ([("windows", "amd64", ""), ("unknown", "unknown", "")], None),
        ([None], None),
        ([], None),
    ],
)
def test_the_image_of_an_index(
    platforms: list[tuple[str, str, str] | None], taken: int | None
) -> None:
    names = ("os", "architecture", "variant")
    raw = index(*(dict(zip(names, p, strict=True)) if p else None for p in platforms))
    found = read_manifest(raw, OCI_INDEX, "it")
    assert isinstance(found, Index)
    if taken is None:
        with pytest.raises(ProjectError, match="without an image for linux/amd64"):
            found.for_astro("it")
    else:
        assert found.for_astro("it").digest == digest_of(str(taken).encode())


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "cannot be read"),
        (b"<html>", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"\xff{}", "cannot be read"),
        (b"[" * 100_000, "cannot be read"),
        (b"{}", "without a config or without layers"),
        (image(schemaVersion=1), "schema 1"),
        (image(fsLayers=[]), "schema 1"),
        (image(manifests=[]), "both an index and an image"),
        (image(layers=None), "without a config or without layers"),
        (image("application/vnd.cncf.helm.config.v1+json"), "is not a container image"),
        (image(layers=[{"digest": "sha256:../../x", "size": 1}]), "not a digest with a size"),
        (image(layers=[{"digest": A, "size": -1}]), "not a digest with a size"),
        (image(layers=[{"digest": A, "size": "1"}]), "cannot be read"),
    ],
)
def test_what_is_no_image(raw: bytes, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        read_manifest(raw, OCI_MANIFEST, "host/name:1")
    assert str(caught.value).startswith("host/name:1 ")


@given(st.binary(max_size=200), st.sampled_from([OCI_MANIFEST, OCI_INDEX, "", "x"]))
def test_any_bytes_are_read_or_refused(raw: bytes, kind: str) -> None:
    with pytest.raises(RegistryError):
        read_manifest(raw, kind, "it")
