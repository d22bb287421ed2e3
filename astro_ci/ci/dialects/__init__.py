"""How to speak to each CI system's log: groups, masks, annotations, outputs, summaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from astro_ci.ci.dialects.base import Dialect, Level

__all__ = ["Dialect", "Level", "dialect_for"]


def dialect_for(key: str, *, env: Mapping[str, str], out: TextIO) -> Dialect:
    """Choose the dialect of the CI system with this `CIContext.key`, writing to `out`.

    Its module is loaded here: a job speaks one dialect. `out` is a stream that the CI system
    reads: stderr, where stdout is for results.
    """
    match key:
        case "github" | "gitea" | "forgejo":
            from astro_ci.ci.dialects.github import GitHubDialect

            return GitHubDialect(out, env)
        case "gitlab":
            from astro_ci.ci.dialects.gitlab import GitLabDialect

            return GitLabDialect(out, env)
        case "azure":
            from astro_ci.ci.dialects.azure import AzureDialect

            return AzureDialect(out, env)
        case "buildkite":
            from astro_ci.ci.dialects.buildkite import BuildkiteDialect

            return BuildkiteDialect(out)
        case "teamcity":
            from astro_ci.ci.dialects.teamcity import TeamCityDialect

            return TeamCityDialect(out)
        case _:
            from astro_ci.ci.dialects.plain import PlainDialect

            return PlainDialect(out)
