"""The picture of the README shows what the commands print today."""

from __future__ import annotations

import subprocess
import sys

from tests.surfaces.documentation.documents import ROOT


def test_it_is_fresh() -> None:
    """Figures, hashes, ids and URLs aside, which differ from run to run."""
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "terminal_picture.py", "--check"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_it_loads_nothing() -> None:
    svg = (ROOT / "docs" / "images" / "plan-and-deploy.svg").read_text()
    assert "@font-face" not in svg
    assert "url(http" not in svg
