"""The labels by which later deploys decide whether a new build is needed."""

from __future__ import annotations

from pathlib import Path

from astro_ci.image.fast.base import Base, build_labels, find_base_digest
from astro_ci.image.fast.running import (
    BASE_LABEL,
    BUILT_LABEL,
    INPUTS_LABEL,
    SECRETS_LABEL,
    TRIGGERS_LABEL,
)

ALL = {BASE_LABEL, BUILT_LABEL, INPUTS_LABEL, SECRETS_LABEL, TRIGGERS_LABEL}


def test_a_build_leaves_no_label_of_its_base_image() -> None:
    """A base image that astro-ci built has these labels, too, and an image inherits labels."""
    assert build_labels(Base(), ()) == dict.fromkeys(ALL, "")
    labels = build_labels(Base(digest="sha256:1", triggers="usual"), (), inputs="12")
    assert labels == dict.fromkeys(ALL, "") | {
        BASE_LABEL: "sha256:1",
        INPUTS_LABEL: "12",
        TRIGGERS_LABEL: "usual",
    }


def test_an_image_that_is_named_by_its_digest(tmp_path: Path) -> None:
    digest = f"sha256:{'a' * 64}"
    for name in ("image", "image:tag", "registry.invalid/team/image:tag"):
        assert find_base_digest(f"{name}@{digest}", {}, checkout=tmp_path) == digest
