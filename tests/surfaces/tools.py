"""Tools that are not Python's, which `make runners` installs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import REQUIRE_DOCKER


def need(path: Path) -> None:
    """Skip where the tool is not installed, or fail where everything has to be."""
    if path.exists():
        return
    reason = f"no {path.name}: run `make runners`"
    if os.environ.get(REQUIRE_DOCKER) == "1":
        pytest.fail(f"{reason} ({REQUIRE_DOCKER}=1)", pytrace=False)
    pytest.skip(reason)
