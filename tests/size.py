"""How much the random tests try: a quick look by default, thousands each night.

ASTRO_CI_TEST_EXAMPLES multiplies the quick look; `make nightly` sets 100.
"""

from __future__ import annotations

import os

_GIVEN = os.environ.get("ASTRO_CI_TEST_EXAMPLES")
IS_QUICK = not _GIVEN
"""Whether the random cases are few, and the same each time."""
SCALE = int(_GIVEN or 1)


IS_MEASURED = "COVERAGE_RUN" in os.environ
"""Whether coverage is measured, which takes time, memory and files in every process of ours."""


def examples(quick: int) -> int:
    """Return how many examples a property is tried with, from those of the quick look."""
    return quick * SCALE
