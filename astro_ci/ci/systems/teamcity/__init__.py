"""TeamCity, which tells a build little by environment and the rest by properties files.

TEAMCITY_BUILD_PROPERTIES_FILE holds the system properties, and names the file that holds the
configuration parameters. Source: jetbrains.com/help/teamcity/predefined-build-parameters.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem

if TYPE_CHECKING:
    from astro_ci.ci.dialects.base import Dialect


def read(env: Lookup) -> RunFacts:
    """Collect what the environment and the two files say; there is no previous commit."""
    build = env.properties("TEAMCITY_BUILD_PROPERTIES_FILE")
    config = build.properties("teamcity.configuration.properties.file")
    common = RunFacts(
        head=env.first(values.sha, "BUILD_VCS_NUMBER")
        or build.first(values.sha, "build.vcs.number"),
        run_url=env.first(values.web_url, "BUILD_URL") or _run_url(build, config),
        repository_url=config.first(values.repository_url, "vcsroot.url"),
    )
    number = config.first(values.number, "teamcity.pullRequest.number")
    built = config.text("teamcity.build.branch")
    if number:
        return replace(
            common,
            head=None if built.endswith("/merge") else common.head,
            branch=config.first(values.branch, "teamcity.pullRequest.source.branch"),
            pull_request=number,
            base_branch=config.first(values.branch, "teamcity.pullRequest.target.branch"),
        )
    if built.startswith("refs/tags/"):
        return replace(common, tag=config.first(values.tag_ref, "teamcity.build.branch"))
    return replace(common, branch=config.first(_branch, "teamcity.build.branch", "vcsroot.branch"))


def _branch(raw: str) -> str | None:
    """The build's branch; the default one goes by `<default>`, and `vcsroot.branch` says which."""
    return None if raw.strip() == "<default>" else values.branch(raw)


def _run_url(build: Lookup, config: Lookup) -> Sourced[str] | None:
    number = build.first(values.number, "teamcity.build.id")
    number = number or config.first(values.number, "teamcity.build.id")
    server = config.text("teamcity.serverUrl")
    url = values.web_url(f"{server.rstrip('/')}/build/{number.value}") if number else None
    return Sourced(url, "teamcity.serverUrl") if url else None


def speak(out: TextIO, _env: Mapping[str, str]) -> Dialect:
    """Open the dialect of its log."""
    from astro_ci.ci.systems.teamcity.dialect import TeamCityDialect

    return TeamCityDialect(out)


SYSTEM = CISystem(
    key="teamcity",
    name="TeamCity",
    turn=70,  # people set its variable elsewhere, to have its messages in a log
    marks={"TEAMCITY_VERSION": ""},
    read=read,
    history_hint="set teamcity.git.shallowClone and teamcity.git.agent.shallowClone to false",
    credentials_hint=(
        "Add the parameter env.ASTRO_API_TOKEN of type Password to the build configuration."
    ),
    variable_hint="Add the parameter env.ASTRO_DEPLOYMENT_ID to the build configuration.",
    engine_hint="Run the build on an agent that has a Docker Engine.",
    concurrency_hint="Limit the simultaneously running builds of the build configuration to 1.",
    speak=speak,
    obeys_stdout_alone=True,
    files=(".teamcity/**",),
)
