"""Fixtures of the sandbox's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.sandbox.support import (
    OPENAPI_VARIABLE,
    Client,
    Clock,
    Document,
    openapi_path,
)


@pytest.fixture(scope="session")
def maybe_document() -> Document | None:
    path = openapi_path()
    return Document(path) if path else None


@pytest.fixture
def document(maybe_document: Document | None) -> Document:
    """The API document, with nothing exercised yet; skips where it is absent."""
    if maybe_document is None:
        pytest.skip(f"no API document: set {OPENAPI_VARIABLE} to astro-openapi-v1.yml")
    maybe_document.exercised.clear()
    return maybe_document


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def astro(clock: Clock) -> Iterator[Sandbox]:
    """A sandbox whose rollouts take 60 seconds of a clock that tests push forward."""
    with Sandbox(rollout_seconds=60, now=clock) as astro:
        yield astro


@pytest.fixture
def api(astro: Sandbox, maybe_document: Document | None) -> Iterator[Client]:
    """A client with the API token; where the API document is, every exchange is checked."""
    client = Client(astro, maybe_document)
    yield client
    client.close()
