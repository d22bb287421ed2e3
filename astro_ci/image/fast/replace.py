"""Write the config and the manifest of the image with a new code layer. Pure.

Unknown keys of both documents stay. Keys about the old code are removed: the annotations, and the
cache that BuildKit keeps in a config, with which a later build would take the new layer for the
old files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from astro_ci.image.fast.layer import CodeLayer
from astro_ci.image.fast.running import BUILT_LABEL, CODE_STEP, INPUTS_LABEL, RunningImage
from astro_ci.image.registry.manifest import (
    DOCKER_CONFIG,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_MANIFEST,
    Manifest,
    digest_of,
    read_manifest,
)

_CACHE = "moby.buildkit.cache.v0"
_GZIP = {
    DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.diff.tar.gzip",
    OCI_MANIFEST: "application/vnd.oci.image.layer.v1.tar+gzip",
}
_CONFIG = {DOCKER_MANIFEST: DOCKER_CONFIG, OCI_MANIFEST: OCI_CONFIG}


class Replaced(Struct, frozen=True, kw_only=True):
    """The config and the manifest of the new image."""

    config: bytes
    manifest: Manifest


def replace_code(
    image: RunningImage, layer: CodeLayer, *, labels: Mapping[str, str], created: str
) -> Replaced:
    """Replace the last layer by another layer.

    `labels` are added to the image's labels; `created` is the time of the new code.
    """
    kind = image.found.media_type
    config = as_json(_config(image, layer, labels, created))
    document: dict[str, Any] = json.loads(image.found.raw)
    document.pop("annotations", None)
    document["config"] = {
        "mediaType": _CONFIG[kind],
        "size": len(config),
        "digest": digest_of(config),
    }
    new = {"mediaType": _GZIP[kind], "size": layer.size, "digest": layer.digest}
    document["layers"] = [*document["layers"][:-1], new]
    found = read_manifest(as_json(document), kind, "the new image")
    assert isinstance(found, Manifest)  # noqa: S101 - it has layers
    return Replaced(config=config, manifest=found)


def _config(
    image: RunningImage, layer: CodeLayer, labels: Mapping[str, str], created: str
) -> dict[str, Any]:
    config: dict[str, Any] = {key: one for key, one in image.config.items() if key != _CACHE}
    built = image.built_at
    kept = {BUILT_LABEL: built.isoformat()} if built else {}
    own = {name: text for name, text in image.labels.items() if name != INPUTS_LABEL}
    config["config"] = {**image.container, "Labels": {**own, **labels, **kept}}
    config["created"] = created
    config["rootfs"] = {
        **config["rootfs"],
        "diff_ids": [*config["rootfs"]["diff_ids"][:-1], layer.diff_id],
    }
    history = list(config["history"])
    last = max(n for n, step in enumerate(history) if not step.get("empty_layer"))
    history[last] = {"created": created, "created_by": CODE_STEP}
    config["history"] = history
    return config


def as_json(document: object) -> bytes:
    """Encode a document as JSON; equal documents give equal bytes."""
    return json.dumps(document, separators=(",", ":")).encode()
