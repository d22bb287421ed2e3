"""Read the config of an image, and the facts about the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct, field

from astro_ci.errors import ProjectError
from astro_ci.image.facts import ImageFacts
from astro_ci.image.registry.manifest import digest_of
from astro_ci.image.stored.inside import find_machine
from astro_ci.project.runtime import LABEL
from astro_ci.text import excerpt, printable

REVISION_LABEL = "org.opencontainers.image.revision"
SOURCE_LABEL = "org.opencontainers.image.source"
_HOME = "/usr/local/airflow"


class _Container(Struct, rename="pascal"):
    labels: dict[str, str] | None = None
    env: list[str] | None = None


class _RootFs(Struct):
    diff_ids: list[str] = field(default_factory=list)


class Config(Struct):
    """The parts of an image's config that a deploy reads."""

    os: str = ""
    architecture: str = ""
    config: _Container | None = None
    rootfs: _RootFs = field(default_factory=_RootFs)

    @property
    def airflow_home(self) -> str:
        """Airflow's home directory, from the image's own variable."""
        pairs = (entry.partition("=") for entry in (self.config and self.config.env) or ())
        return {name: value for name, _, value in pairs}.get("AIRFLOW_HOME") or _HOME


def read_config(raw: bytes, reference: str) -> Config:
    """Decode a config. Raises ProjectError for an invalid config."""
    try:
        return msgspec.json.decode(raw, type=Config)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProjectError(
            f"the image {reference} has a config that cannot be read: {excerpt(str(error))}",
            hint="Build the image again.",
        ) from error


def facts_of(
    raw: bytes, reference: str, layers: Sequence[Callable[[], Iterator[bytes]]]
) -> ImageFacts:
    """Return the facts about an image; reads its layers only until a program is found.

    Raises ProjectError.
    """
    config = read_config(raw, reference)
    labels = (config.config and config.config.labels) or {}
    is_astro = (config.os, config.architecture) == ("linux", "amd64")
    return ImageFacts(
        reference=reference,
        id=digest_of(raw),
        os=printable(config.os),
        architecture=printable(config.architecture),
        runtime_version=excerpt(labels.get(LABEL) or "") or None,
        revision=labels.get(REVISION_LABEL, ""),
        source_url=printable(labels.get(SOURCE_LABEL) or ""),
        layers=tuple(config.rootfs.diff_ids),
        machine=find_machine(layers) if is_astro else "",
    )
