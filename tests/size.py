"""How much the random and the exhaustive tests try: a quick look by default, thousands each night.

ASTRO_CI_TEST_EXAMPLES multiplies the quick look; `make nightly` sets 100.
"""

from __future__ import annotations

import os

_GIVEN = os.environ.get("ASTRO_CI_TEST_EXAMPLES")
IS_QUICK = not _GIVEN
"""Whether the cases marked `exhaustive` are left out, and the random ones the same each time."""
SCALE = int(_GIVEN or 1)


def examples(quick: int) -> int:
    """Return how many examples a property is tried with, from those of the quick look."""
    return quick * SCALE
