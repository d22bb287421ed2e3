"""The CI systems that `init` writes a pipeline for, and how to detect them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from astro_ci import __version__
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.ci.systems import all_systems
from astro_ci.errors import ConfigurationError
from astro_ci.text import listed

# How pipelines name this project: by the tag of a version, since a commit cannot hold its own hash.
ACTION = "astro-ci/astro_ci@v0"
GITLAB_TEMPLATE = (
    "https://raw.githubusercontent.com/astro-ci/astro_ci/v0/gitlab-templates/deploy.yml"
)
PACKAGE = f"astro-ci=={__version__}"
# The actions of others are pinned by hash, which nobody can move.
CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A CI system that has a pipeline."""

    ci: CISystem
    pipeline: Pipeline

    @property
    def key(self) -> str:
        """The value of `--ci`."""
        return self.ci.key

    @property
    def name(self) -> str:
        """The name of the system, for people."""
        return self.ci.name

    @property
    def path(self) -> str:
        """The path of the pipeline file, from the repository's root."""
        return self.pipeline.path


def _with_pipelines() -> tuple[System, ...]:
    found = [System(ci=one, pipeline=one.pipeline) for one in all_systems() if one.pipeline]
    return tuple(sorted(found, key=lambda system: (system.pipeline.rank, system.key)))


SYSTEMS = _with_pipelines()
KEYS = tuple(system.key for system in SYSTEMS)


def detect_system(root: Path, host: str) -> System:
    """Find the CI system by the files of the repository, else by the remote's host.

    Raises ConfigurationError when that leaves none, or several.
    """
    in_use = [s for s in SYSTEMS if any(any(root.glob(glob)) for glob in s.pipeline.markers)]
    hosting = [s for s in SYSTEMS if s.pipeline.host and re.search(s.pipeline.host, host)]
    both = [system for system in in_use if system in hosting]
    for found in (in_use, both, hosting if not in_use else []):
        if len(found) == 1:
            return found[0]
    names = listed([system.key for system in in_use], most=len(SYSTEMS))
    raise ConfigurationError(
        f"the repository has files of several CI systems: {names}"
        if in_use
        else "neither the repository's files nor its remote show which CI system is used",
        hint=f"Name the CI system with --ci: {', '.join(KEYS)}.",
    )


def system_named(key: str) -> System:
    """Return the system with this key. Raises ConfigurationError for an unknown key."""
    for system in SYSTEMS:
        if system.key == key:
            return system
    raise ConfigurationError(
        f"--ci is {key!r}, and init has no pipeline for it",
        hint=f"Use one of {', '.join(KEYS)}; in other CI systems, run `astro-ci deploy`.",
    )
