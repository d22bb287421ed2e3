"""The pictures of summaries and comments show them as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_pictures_show_the_pages_of_today() -> None:
    done = subprocess.run(
        [sys.executable, "tools/report_pictures.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
