"""The CI systems, in the order in which they are asked."""

from __future__ import annotations

from astro_ci.ci.context import System
from astro_ci.ci.systems import (
    azure,
    bitbucket,
    buildkite,
    circle,
    codebuild,
    drone,
    forgejo,
    gitea,
    github,
    gitlab,
    jenkins,
    none,
    teamcity,
    travis,
    woodpecker,
)

# From specific to generic. Woodpecker's variables look like GitLab's and Drone's; Forgejo sets
# Gitea's and both set GitHub's; CodeBuild hosts other systems' runners; Jenkins, whose variable
# may be set on a whole machine, comes last.
SYSTEMS: tuple[System, ...] = (
    woodpecker,
    forgejo,
    gitea,
    github,
    gitlab,
    azure,
    bitbucket,
    buildkite,
    circle,
    drone,
    travis,
    codebuild,
    teamcity,
    jenkins,
    none,
)
