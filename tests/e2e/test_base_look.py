"""What an image's programs were compiled for is read from its base, while the image is built."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.image.base_look import look_into_built, looking_into_base
from astro_ci.image.building.build import build_image
from astro_ci.image.building.spec import Build
from astro_ci.image.engine import Engine
from astro_ci.image.facts import ImageFacts
from tests.e2e.images import unique

pytestmark = pytest.mark.docker


@pytest.fixture
def tag(engine: Engine) -> Iterator[str]:
    name = unique("base-look")
    yield name
    engine.remove_image(name)


def build(engine: Engine, root: Path, dockerfile: str, tag: str) -> tuple[ImageFacts, int]:
    """Build; return what is known of the image, and how many containers of it were made."""
    for name in ("packages.txt", "requirements.txt"):
        root.joinpath(name).touch()
    root.joinpath("Dockerfile").write_text(dockerfile)
    made = Build(root=root, tag=tag)
    since = int(time.time())
    with looking_into_base(engine, made) as base:
        built = build_image(engine, made, env=os.environ, on_line=lambda line: None)
        known = look_into_built(engine, built, base)
    filters = {"type": "container", "event": "create", "image": built.id}
    events = engine.client.events(
        since=since, until=int(time.time()) + 1, filters=filters, decode=True
    )
    return known, sum(1 for _ in events)


@pytest.mark.smoke
def test_the_base_tells(engine: Engine, base: str, tmp_path: Path, tag: str) -> None:
    known, containers = build(engine, tmp_path, f"FROM {base}\n", tag)
    assert (known.machine, known.architecture, containers) == ("amd64", "amd64", 0)


def test_an_image_without_the_layers_of_the_base_is_looked_into(
    engine: Engine, base: str, tmp_path: Path, tag: str
) -> None:
    known, containers = build(engine, tmp_path, f"FROM scratch\nCOPY --from={base} / /\n", tag)
    assert (known.machine, containers) == ("amd64", 1)


@pytest.mark.parametrize(
    "reference", ["astro-ci-test/nowhere:1", "../../../containers/json", "scratch", "$X", "a b"]
)
def test_a_base_that_the_engine_does_not_have_says_nothing(
    engine: Engine, tmp_path: Path, reference: str
) -> None:
    tmp_path.joinpath("Dockerfile").write_text(f"FROM {reference}\n")
    with looking_into_base(engine, Build(root=tmp_path, tag="unused")) as base:
        assert base.result() is None
