"""How much a net tries, and from which seed."""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.size import SCALE

SEED = os.environ.get("ASTRO_CI_TEST_SEED") or (str(time.time_ns()) if SCALE > 1 else "7")
"""The same in every `make test`; another one each night, which a failure names."""
CHUNKS = 10 if SCALE > 1 else 2
"""Tests that share the work, so that they can run side by side."""
IN_CHUNKS = pytest.mark.parametrize(
    "chunk",
    # The first meets every kind of trouble; the others are more of the same.
    [0, *(pytest.param(number, marks=pytest.mark.thorough) for number in range(1, CHUNKS))],
)
CHUNK_TIMEOUT = 300 * SCALE


def dice(name: str, chunk: int) -> random.Random:
    """The chances of one chunk."""
    return random.Random(f"{SEED}-{name}-{chunk}")  # noqa: S311 - chances, no secret


def share(total: int) -> int:
    """How many of `total` (at scale 1) a chunk tries."""
    return max(1, total * SCALE // CHUNKS)
