"""Refuse placeholders of Git LFS and git-crypt, whose git filters did not run. Pure."""

from __future__ import annotations

from astro_ci.errors import ProjectError
from astro_ci.text import printable

START_BYTES = 64
"""The number of bytes at a file's start that show whether it is a placeholder."""
_LFS_MAX_BYTES = 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_GIT_CRYPT = b"\0GITCRYPT\0"


def refuse_placeholder(path: str, start: bytes, size: int, *, otherwise: str = "") -> None:
    """Raise ProjectError for a file that starts like a placeholder.

    The deploy would succeed with the placeholder, and git would not show the difference later.
    `otherwise` is a second remedy for the hint.
    """
    if size < _LFS_MAX_BYTES and start.startswith(_LFS):
        raise ProjectError(
            f"{printable(path)} is a Git LFS pointer, not the file itself",
            hint="Fetch LFS files before the deploy: `git lfs pull`, `lfs: true` on "
            f"actions/checkout, and no GIT_LFS_SKIP_SMUDGE{otherwise}.",
        )
    if start.startswith(_GIT_CRYPT):
        raise ProjectError(
            f"{printable(path)} is encrypted by git-crypt, not the file itself",
            hint=f"Run `git-crypt unlock` before the deploy{otherwise}.",
        )
