"""Layers of a base image that registries have already, as Astro's has those of Astro Runtime.

The stand-in with a real Airflow is 390 MB, and the engine compresses all of it for every registry
that does not have it: 20 seconds of a processor. It is pushed once, and sandboxes get links.
"""

from __future__ import annotations

import os
from pathlib import Path

from astro_ci.image.engine import Engine
from astro_ci.image.registry.push import push_image
from astro_ci.sandbox import Sandbox

_BLOBS = Path("registry", "blobs")


def push_layers(engine: Engine, image: str, data: Path) -> None:
    """Push an image to a sandbox that remembers it in `data`."""
    with Sandbox(data=data) as astro:
        repository = astro.deployment("production").image_repository
        push_image(engine, image, repository, "base", password=astro.token)


def lend_layers(pushed: Path, data: Path, astro: Sandbox) -> None:
    """Let the repositories of all Deployments have what was pushed; `data` is the sandbox's own."""
    repositories = data / "registry" / "repositories"
    for deployment in astro.deployments:
        image = astro.deployment(str(deployment["name"])).image_repository
        (repositories / image.partition("/")[2] / "blobs").mkdir(parents=True, exist_ok=True)
    for blob in (pushed / _BLOBS).iterdir():
        os.link(blob, data / _BLOBS / blob.name)
        for known in repositories.glob("*/*/blobs"):
            (known / blob.name).touch()
