"""Git LFS pointers: what a checkout without LFS holds in place of the files. Pure."""

from __future__ import annotations

from astro_ci.errors import ProjectError
from astro_ci.text import printable

POINTER_MAX_BYTES = 1024
_START = b"version https://git-lfs.github.com/spec/"


def refuse_pointer(path: str, start: bytes, *, otherwise: str = "") -> None:
    """Raise ProjectError for a file, of less than POINTER_MAX_BYTES, that starts as a pointer does.

    It would ship green, and nobody could tell it later from the file itself: for git they are one.
    `otherwise` is another remedy.
    """
    if start.startswith(_START):
        raise ProjectError(
            f"{printable(path)} is a Git LFS pointer, not the file itself",
            hint="Fetch LFS files before the deploy: `git lfs pull`, `lfs: true` on "
            f"actions/checkout, and no GIT_LFS_SKIP_SMUDGE{otherwise}.",
        )
