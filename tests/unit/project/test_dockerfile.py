"""What a Dockerfile's image starts from."""

from __future__ import annotations

import pytest

from astro_ci.project.dockerfile import base_image, needs_buildkit


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("FROM a\n# a comment\u2028FROM b\x0bFROM c\n", "a"),
        ("FROM runtime:3.1-2\n", "runtime:3.1-2"),
        ("from --platform=linux/amd64 runtime:3.1-2 as final", "runtime:3.1-2"),
        ("# a comment\n\nFROM a AS one\nFROM one\nRUN x", "a"),
        ("FROM a AS one\nFROM b AS two\nFROM ONE AS three\nFROM three", "a"),
        ("FROM a\nFROM 0", "a"),
        ("ARG V=3.1-2\nFROM runtime:$V", "runtime:3.1-2"),
        ("ARG V='3.1-2'\nFROM runtime:${V}-base", "runtime:3.1-2-base"),
        ("FROM runtime:${V:-3.1-2}", "runtime:3.1-2"),
        ("ARG A=x\nARG B=${A}y\nFROM $B", "xy"),
        ("FROM a \\\n  AS one\nFROM one", "a"),
        ("FROM a\nARG V=1\nFROM b:$V", "b:"),
    ],
)
def test_the_last_from(text: str, reference: str) -> None:
    found = base_image(text)
    assert found is not None
    assert found.reference == reference


def test_build_arguments_come_first() -> None:
    found = base_image("ARG V=1\nFROM runtime:$V", {"V": "3.1-2", "W": "x"})
    assert found is not None
    assert found.reference == "runtime:3.1-2"


STAGES = "FROM a AS one\nFROM b AS two\nFROM one AS three"


@pytest.mark.parametrize(
    ("target", "reference"), [("", "a"), ("TWO", "b"), ("1", "b"), ("three", "a")]
)
def test_the_target_stage(target: str, reference: str) -> None:
    found = base_image(STAGES, target=target)
    assert found is not None
    assert found.reference == reference


def test_a_target_that_is_no_stage() -> None:
    assert base_image(STAGES, target="four") is None
    assert base_image(STAGES, target="3") is None


def test_none() -> None:
    assert base_image("RUN x\n# FROM y\n") is None


@pytest.mark.parametrize(
    ("reference", "version"),
    [
        ("astrocrpublic.azurecr.io/runtime:3.1-2", "3.1-2"),
        ("quay.io/astronomer/astro-runtime:12.1.1", "12.1.1"),
        ("quay.io/astronomer/astro-runtime:12.1.1-base", "12.1.1"),
        ("astrocrpublic.azurecr.io/runtime:3.1-2-python-3.12-base", "3.1-2"),
        ("astro-runtime:13.0.0-rc1", "13.0.0-rc1"),
        ("localhost:5000/runtime:3.1-2@sha256:00", "3.1-2"),
        ("quay.io/astronomer/astro-runtime:latest", ""),
        ("quay.io/astronomer/astro-runtime", ""),
        ("localhost:5000/runtime", ""),
        ("my-runtime:3.1-2", ""),
        ("python:3.12", ""),
        ("scratch", ""),
    ],
)
def test_the_runtime_version(reference: str, version: str) -> None:
    found = base_image(f"FROM {reference}")
    assert found is not None
    assert found.runtime_version == version


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("RUN --mount=type=cache,target=/x pip install y", True),
        ("RUN \\\n  --mount=type=secret,id=x cat", True),
        ("COPY --chmod=755 a b", True),
        ("RUN <<EOF\nx\nEOF", True),
        ("RUN pip install x", False),
        ("COPY --chown=astro a b", False),
        ("# RUN --mount=type=cache", False),
    ],
)
def test_what_the_classic_builder_does_not_know(line: str, expected: bool) -> None:
    assert needs_buildkit(f"FROM x\n{line}\n") is expected
