"""Read the running image from its registry, and check that its last layer is the code layer.

Manifest and config are kept as plain documents, so that the keys of other tools stay.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from astro_ci.errors import AstroCIError
from astro_ci.image.fast.refusal import NotFastError
from astro_ci.image.registry.client import Repository
from astro_ci.image.registry.manifest import Descriptor, Manifest
from astro_ci.text import Regex, excerpt

CODE_STEP = "COPY . . # astro-ci"
"""The history entry of a replaced code layer."""
BASE_LABEL = "astro-ci.base"
"""The digest of the base image at the last build."""
TRIGGERS_LABEL = "astro-ci.triggers"
"""Whether the base image's triggers are the usual ones, or the first unusual trigger."""
BUILT_LABEL = "astro-ci.built"
"""The time of the last real build, which an image that was made without a build inherits."""
INPUTS_LABEL = "astro-ci.inputs"
"""The digest of the inputs of `astro-ci build`; a deploy writes them into its marker instead."""
SECRETS_LABEL = "astro-ci.secrets"
"""A digest of the names of the build's secrets."""
MOST_LAYER_BYTES = 512 << 20
_STEPS = Regex(
    r"COPY \. \. # (?:buildkit|astro-ci)"
    r"|/bin/sh -c #\(nop\) COPY (?:--chown=\S+? ?)?dir:[0-9a-f]{64} in \. "
)
"""The history entries of BuildKit, of astro-ci, and of the classic builder, which omits a blank."""


class RunningImage(Struct, frozen=True, kw_only=True):
    """An image in a registry, for linux/amd64."""

    source: Repository
    found: Manifest
    config: Mapping[str, Any]
    """The whole config document."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels of the image."""
        return _mapping(self.container.get("Labels"))

    @property
    def container(self) -> Mapping[str, Any]:
        """The values with which containers start: `Labels`, `WorkingDir` and others."""
        return _mapping(self.config.get("config"))

    @property
    def code_layer(self) -> Descriptor:
        """The layer with the project's files."""
        return self.found.layers[-1]

    @property
    def code_diff_id(self) -> str:
        """The digest of the uncompressed code layer."""
        return str(self.config["rootfs"]["diff_ids"][-1])

    @property
    def home(self) -> str:
        """The directory of the project's files, without the first `/`."""
        return posixpath.normpath(str(self.container.get("WorkingDir") or "/")).strip("/")

    @property
    def code_steps(self) -> int:
        """How often the project was copied: more than once where one image is built on another."""
        steps = (str(step.get("created_by", "")) for step in self.config["history"])
        return sum(bool(_STEPS.fullmatch(step)) for step in steps)

    @property
    def built_at(self) -> datetime | None:
        """The time of the image's last real build; None when it is not recorded."""
        return _time(self.labels.get(BUILT_LABEL) or self.config.get("created"))


def read_running(source: Repository, tag: str) -> RunningImage:
    """Read the manifest and the config. Raises NotFastError, with the reason."""
    try:
        found = source.image(tag)
        raw = source.config(found)
    except AstroCIError as error:
        raise NotFastError(f"the running image could not be read: {error.message}") from error
    try:
        config = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotFastError("the running image has a config that cannot be read") from error
    image = RunningImage(source=source, found=found, config=_mapping(config))
    refuse_other_shape(image)
    return image


def refuse_other_shape(image: RunningImage) -> None:
    """Raise NotFastError unless `COPY . .` made exactly the last layer."""
    config = image.config
    history = config.get("history")
    diff_ids = _mapping(config.get("rootfs")).get("diff_ids")
    is_listed = isinstance(history, list) and all(isinstance(step, dict) for step in history)
    if not is_listed or not isinstance(diff_ids, list):
        raise NotFastError("the running image has no history, so its last layer is not known")
    steps = [step for step in history or () if not step.get("empty_layer")]
    counts = (len(image.found.layers), len(diff_ids), len(steps))
    if len(set(counts)) != 1 or not steps:
        raise NotFastError(
            f"layers, digests and history of the running image disagree: {counts[0]} layers, "
            f"{counts[1]} digests, {counts[2]} steps"
        )
    platform = (config.get("os"), config.get("architecture"))
    if platform != ("linux", "amd64"):
        raise NotFastError("the running image is not for linux/amd64")
    step = str(steps[-1].get("created_by", ""))
    if not _STEPS.fullmatch(step):
        raise NotFastError(
            f"the last layer of the running image is not that of COPY . . but of {excerpt(step)!r}"
        )
    is_absolute = str(image.container.get("WorkingDir")).startswith("/")
    if not (image.home and is_absolute):
        raise NotFastError("the running image has its files in the root directory")
    if image.code_layer.size > MOST_LAYER_BYTES:
        raise NotFastError(
            f"the code layer of the running image has {image.code_layer.size >> 20} MiB, more than "
            f"{MOST_LAYER_BYTES >> 20}"
        )
    if json.loads(image.found.raw).get("subject"):
        raise NotFastError("the manifest of the running image is for another image")


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}
