"""What a checkout holds in place of files whose filters did not run: LFS, git-crypt. Pure."""

from __future__ import annotations

from astro_ci.errors import ProjectError
from astro_ci.text import printable

START_BYTES = 64
"""How much of a file tells."""
_LFS_MAX_BYTES = 1024
_LFS = b"version https://git-lfs.github.com/spec/"
_GIT_CRYPT = b"\0GITCRYPT\0"


def refuse_stand_in(path: str, start: bytes, size: int, *, otherwise: str = "") -> None:
    """Raise ProjectError for a file that starts as what stands in for another does.

    It would ship green, and nobody could tell it later from the file itself: for git they are one.
    `otherwise` is another remedy.
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
