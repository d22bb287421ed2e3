"""What the surfaces share: our package as users get it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.once import once

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(shared_directory: Path) -> Path:
    """Our package, as a package index would have it, alone in a directory."""
    (found,) = once(shared_directory / "wheel", _build).iterdir()
    return found


def _build(directory: Path) -> None:
    build = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", directory)
    subprocess.run([sys.executable, "-m", "pip", *build, ROOT], check=True)
