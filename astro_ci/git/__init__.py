"""What git knows: the repository, the shipped tree, what changed, and one missing commit."""

from astro_ci.git.index import GITLINK
from astro_ci.git.repo import HEX_COMMIT, GitRepo
from astro_ci.git.snapshot import Commit, Snapshot

__all__ = ["GITLINK", "HEX_COMMIT", "Commit", "GitRepo", "Snapshot"]
