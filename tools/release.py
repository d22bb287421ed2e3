"""Check that everything names the version that is released.

Usage: python tools/release.py --check v1.2.3
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = ("gitlab-templates", "examples", "docs", "README.md", "astro_ci/pipelines", "action.yml")
"""What users copy or include, and what writes files for them."""
_OURS = re.compile(
    r"(?:astro-ci==|ci/astro-ci:|astro_ci(?:/actions/\w+)?[@/]v|tag `v|ref: v)(\d[\w.]*\w|\d)"
)
"""A version of ours, or its major version: what pip installs, an image, a tag."""


def problems(tag: str, root: Path = ROOT) -> Iterator[str]:
    """Say what does not name the version of the tag."""
    version = tag.removeprefix("v")
    source = (root / "astro_ci" / "__init__.py").read_text()
    if f'__version__ = "{version}"' not in source:
        yield f"astro_ci/__init__.py: __version__ is not {version}"
    if not re.search(rf"^## {re.escape(version)}\b", (root / "CHANGELOG.md").read_text(), re.M):
        yield f"CHANGELOG.md: there is no section {version}"
    for path in _texts(root):
        for found in _OURS.findall(path.read_text()):
            if found not in (version, version.partition(".")[0]):
                yield f"{path.relative_to(root)}: names the version {found}"


def _texts(root: Path) -> Iterator[Path]:
    """The files of the places that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *PLACES],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    suffixes = {".md", ".yml", ".yaml", ".sh", ".template", ".py", ""}
    paths = (root / name for name in listed.stdout.split("\0") if name)
    yield from (path for path in paths if path.is_file() and path.suffix in suffixes)


def main() -> int:
    """Print each problem; 1 when there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", metavar="TAG", required=True)
    found = list(problems(parser.parse_args().check))
    print("\n".join(found) or "everything names the version that is released")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
