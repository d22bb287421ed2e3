"""How to speak to each CI system's log: groups, masks, annotations, outputs, summaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from astro_ci.ci.dialects.azure import AzureDialect
from astro_ci.ci.dialects.base import Dialect, Level
from astro_ci.ci.dialects.buildkite import BuildkiteDialect
from astro_ci.ci.dialects.github import GitHubDialect
from astro_ci.ci.dialects.gitlab import GitLabDialect
from astro_ci.ci.dialects.plain import PlainDialect
from astro_ci.ci.dialects.teamcity import TeamCityDialect

__all__ = ["Dialect", "Level", "dialect_for"]


def dialect_for(key: str, *, env: Mapping[str, str], out: TextIO) -> Dialect:
    """Choose the dialect of the CI system with this `CIContext.key`, writing to `out`.

    `out` is a stream that the CI system reads: stderr, where stdout is for results.
    """
    match key:
        case "github" | "gitea" | "forgejo":
            return GitHubDialect(out, env)
        case "gitlab":
            return GitLabDialect(out, env)
        case "azure":
            return AzureDialect(out, env)
        case "buildkite":
            return BuildkiteDialect(out)
        case "teamcity":
            return TeamCityDialect(out)
        case _:
            return PlainDialect(out)
