"""Ask git: the repository, the tree to deploy, the changes, and a missing commit."""

from astro_ci.git.history import HEX_COMMIT, Commit
from astro_ci.git.index import GITLINK
from astro_ci.git.repo import GitRepo
from astro_ci.git.snapshot import Snapshot

__all__ = ["GITLINK", "HEX_COMMIT", "Commit", "GitRepo", "Snapshot"]
