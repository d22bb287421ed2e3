"""Read the bundle and the image that a Deployment runs or is about to run, as they arrived."""

from __future__ import annotations

import json

from astro_ci.sandbox.platform.platform import Platform
from astro_ci.sandbox.store.state import DeploymentRecord


def running_bundle(platform: Platform, record: DeploymentRecord, version: str | None) -> bytes:
    """Read the running DAG bundle, or another version. Raises LookupError without a bundle."""
    wanted = version or record.desired_version
    if not wanted:
        raise LookupError(f"{record.name} runs no bundle")
    return platform.blobs.version_path(platform.dags_blob(record), wanted)[1].read_bytes()


def running_image_config(platform: Platform, record: DeploymentRecord) -> dict[str, object]:
    """Read the config of the running image. Raises LookupError without an image."""
    raw = platform.registry.config(platform.repository(record), record.image_tag)
    if not record.image_tag or raw is None:
        raise LookupError(f"{record.name} runs no image")
    config: dict[str, object] = json.loads(raw)
    return config


def running_image_layers(platform: Platform, record: DeploymentRecord) -> list[bytes]:
    """Read the layers of the running image, base first. Raises LookupError without an image."""
    registry, repository = platform.registry, platform.repository(record)
    found = registry.image(repository, record.image_tag) if record.image_tag else None
    if found is None:
        raise LookupError(f"{record.name} runs no image")
    return [registry.blob(repository, layer.digest).read_bytes() for layer in found[1].layers]
