"""The CI systems that `init` writes a pipeline for: its file, and what shows that one is in use."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from astro_ci import __version__
from astro_ci.errors import ConfigurationError
from astro_ci.text import listed

# How pipelines name this project.
ACTION = "astro-ci/astro_ci@v0"
GITLAB_TEMPLATE = (
    "https://raw.githubusercontent.com/astro-ci/astro_ci/v0/gitlab-templates/deploy.yml"
)
PACKAGE = f"astro-ci=={__version__}"
CHECKOUT = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A CI system."""

    key: str
    name: str
    path: str
    """Where its pipeline file goes, from the repository's root. `templates/` has it by the key."""
    markers: Sequence[str]
    """Globs of files that show that it is in use."""
    host: re.Pattern[str] | None = None
    """What the remote's host looks like where it is the obvious choice."""
    has_a_meaning_for: Sequence[str] = field(default=())
    """What it would not take as it stands in the name of a branch."""
    escape: Callable[[str], str] = str
    """How a branch's name is written so that it is taken as it stands."""


SYSTEMS = (
    System(
        key="github",
        name="GitHub Actions",
        path=".github/workflows/deploy-to-astro.yml",
        markers=(".github/workflows/*.yml", ".github/workflows/*.yaml"),
        host=re.compile(r"(^|[.-])github\."),
        # A branch filter is a pattern, in which + repeats.
        escape=lambda branch: branch.replace("+", r"\+"),
    ),
    System(
        key="gitlab",
        name="GitLab CI",
        path=".gitlab-ci.yml",
        markers=(".gitlab-ci.yml",),
        host=re.compile(r"(^|[.-])gitlab\."),
    ),
    System(
        key="jenkins",
        name="Jenkins",
        path="Jenkinsfile",
        markers=("Jenkinsfile",),
    ),
    System(
        key="circleci",
        name="CircleCI",
        path=".circleci/config.yml",
        markers=(".circleci/config.yml",),
        has_a_meaning_for=("<<",),
    ),
    System(
        key="azure",
        name="Azure Pipelines",
        path="azure-pipelines.yml",
        markers=("azure-pipelines.yml", ".azure-pipelines/*"),
        host=re.compile(r"(^|\.)(dev\.azure\.com|visualstudio\.com)$"),
        has_a_meaning_for=("${{",),
    ),
    System(
        key="bitbucket",
        name="Bitbucket Pipelines",
        path="bitbucket-pipelines.yml",
        markers=("bitbucket-pipelines.yml",),
        host=re.compile(r"(^|[.-])bitbucket\."),
        has_a_meaning_for=("{", "}"),
    ),
    System(
        key="buildkite",
        name="Buildkite",
        path=".buildkite/pipeline.yml",
        markers=(".buildkite/*",),
        # The upload of the file puts variables in.
        escape=lambda branch: branch.replace("$", "$$"),
    ),
    System(
        key="drone",
        name="Drone",
        path=".drone.yml",
        markers=(".drone.yml",),
        has_a_meaning_for=("${",),
    ),
    System(
        key="woodpecker",
        name="Woodpecker",
        path=".woodpecker/deploy-to-astro.yaml",
        markers=(".woodpecker.yml", ".woodpecker/*"),
        has_a_meaning_for=("{", "}"),
    ),
    System(
        key="codebuild",
        name="AWS CodeBuild",
        path="buildspec.yml",
        markers=("buildspec.yml",),
        host=re.compile(r"^git-codecommit\..*\.amazonaws\.com$"),
    ),
)
KEYS = tuple(system.key for system in SYSTEMS)


def detect_system(root: Path, host: str) -> System:
    """Tell the CI system from the files of the repository, else from the remote's host.

    Raises ConfigurationError when that leaves none, or several.
    """
    in_use = [s for s in SYSTEMS if any(any(root.glob(marker)) for marker in s.markers)]
    hosting = [s for s in SYSTEMS if s.host and s.host.search(host)]
    both = [system for system in in_use if system in hosting]
    for found in (in_use, both, hosting if not in_use else []):
        if len(found) == 1:
            return found[0]
    names = listed([system.key for system in in_use], most=len(SYSTEMS))
    raise ConfigurationError(
        f"the repository has files of several CI systems: {names}"
        if in_use
        else "nothing in the repository, nor its remote, tells the CI system",
        hint=f"Name it with --ci: {', '.join(KEYS)}.",
    )


def system_named(key: str) -> System:
    """The system of this key. Raises ConfigurationError when there is none."""
    for system in SYSTEMS:
        if system.key == key:
            return system
    raise ConfigurationError(
        f"--ci is {key!r}, which init writes no pipeline for",
        hint=f"Use one of {', '.join(KEYS)}; elsewhere, run `astro-ci deploy`.",
    )
