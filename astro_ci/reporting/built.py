"""Report the image of `build`, for a later job, as text, JSON and outputs. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from astro_ci.finding import Checked, CheckName
from astro_ci.reporting.checks.document import checks_keys
from astro_ci.reporting.documents import SCHEMA
from astro_ci.reporting.phases import phases_text
from astro_ci.reporting.text import fact_lines
from astro_ci.text import printable


class BuiltImage(Struct, frozen=True, kw_only=True):
    """An image that was built, checked and kept. Empty strings stand for missing values."""

    name: str = ""
    """The image's name on an engine or in a registry, as for `--image-name`."""
    digest: str = ""
    """The digest of the image's manifest in the registry; it starts with `sha256:`."""
    archive: str = ""
    """The file of the image, as for `--image-archive`."""
    image_id: str
    """The digest of the image's content; it starts with `sha256:`."""
    commit: str
    """The checked-out commit."""
    uncommitted: Sequence[str] = ()
    """The files that differ from the commit; because of these, the image's label has no commit."""
    runtime_version: str
    has_dags: bool
    checks: Sequence[Checked] = ()
    overridden: Sequence[CheckName] = ()
    duration_seconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        """The name that always means exactly this image, if there is one."""
        return f"{self.name}@{self.digest}" if self.digest else self.name


def built_document(built: BuiltImage) -> dict[str, Any]:
    """The document of `build --json`: keys may be added to it, never changed."""
    return {
        "schema": SCHEMA,
        "reference": built.reference,
        "name": built.name,
        "digest": built.digest,
        "archive": built.archive,
        "image_id": built.image_id,
        "commit": built.commit,
        "dirty": bool(built.uncommitted),
        "uncommitted": list(built.uncommitted),
        "runtime_version": built.runtime_version,
        "dags_in_image": built.has_dags,
        **checks_keys(built.checks),
        "overridden": list(built.overridden),
        "duration_seconds": built.duration_seconds,
        "phases": {name: round(seconds, 3) for name, seconds in built.phases.items()},
    }


def built_outputs(built: BuiltImage | None, reason: str) -> dict[str, str]:
    """The outputs for later steps; `reason` says why there is no image."""
    return {
        "image": built.reference if built else "",
        "image-archive": built.archive if built else "",
        "digest": built.digest if built else "",
        "image-id": built.image_id if built else "",
        "commit": built.commit if built and not built.uncommitted else "",
        "runtime-version": built.runtime_version if built else "",
        "reason": reason,
    }


def next_command(built: BuiltImage) -> str:
    """Return the command with which a later job deploys the image."""
    if built.archive:
        return f"astro-ci deploy --image-archive {built.archive}"
    return f"astro-ci deploy --image-name {built.reference}"


def built_text(built: BuiltImage, columns: int | None = None) -> str:
    """Return the text about the image: its names, its facts, and how to deploy it."""
    lines = ["Built the image"]
    for label, value in _facts(built):
        lines += fact_lines(label, printable(value), columns) if value else ()
    return "\n".join(lines)


def _facts(built: BuiltImage) -> Iterator[tuple[str, str]]:
    yield "Image", built.reference
    yield "Archive", built.archive
    yield "Content", built.image_id
    dirty = ", with uncommitted changes: a deploy of the image does not know its commit"
    yield "Commit", f"{built.commit}{dirty if built.uncommitted else ''}"
    yield "Astro Runtime", built.runtime_version
    yield "DAGs", "in the image" if built.has_dags else "not in the image; they ship beside it"
    yield "Forced past", ", ".join(built.overridden)
    yield "Took", phases_text(built.phases)
    yield "Deploy it with", next_command(built)
