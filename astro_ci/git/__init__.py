"""Ask git about the repository, the tree to deploy and the changes; fetch missing commits."""

from astro_ci.git.history import HEX_COMMIT, Commit
from astro_ci.git.index import GITLINK
from astro_ci.git.repo import GitRepo
from astro_ci.git.snapshot import Snapshot

__all__ = ["GITLINK", "HEX_COMMIT", "Commit", "GitRepo", "Snapshot"]
