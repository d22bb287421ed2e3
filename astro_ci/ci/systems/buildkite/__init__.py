"""Buildkite. Source: buildkite.com/docs/pipelines/environment-variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.text import Regex

if TYPE_CHECKING:
    from astro_ci.ci.dialects.base import Dialect


_REPOSITORY_PATH = Regex(r"([^/:@]+/[^/]+?)(?:\.git)?/?\Z")


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say."""
    tag = env.first(values.tag, "BUILDKITE_TAG")
    common = RunFacts(
        event=env.first(values.word, "BUILDKITE_SOURCE"),
        # `HEAD` in a build that was started without a commit, which is no SHA: git knows.
        head=env.first(values.sha, "BUILDKITE_COMMIT"),
        # BUILDKITE_BRANCH repeats the tag on a tag's build.
        branch=None if tag else env.first(_own_branch, "BUILDKITE_BRANCH"),
        tag=tag,
        run_url=_run_url(env),
        repository_url=env.first(values.repository_url, "BUILDKITE_REPO"),
    )
    number = env.first(values.number, "BUILDKITE_PULL_REQUEST")
    if number:
        return replace(
            common,
            pull_request=number,
            base_branch=env.first(values.branch, "BUILDKITE_PULL_REQUEST_BASE_BRANCH"),
            is_fork_pull_request=_is_fork(env),
        )
    return replace(
        common,
        base_branch=env.first(values.branch, "BUILDKITE_MERGE_QUEUE_BASE_BRANCH"),
        base_sha=env.first(values.sha, "BUILDKITE_MERGE_QUEUE_BASE_COMMIT"),
    )


def _own_branch(raw: str) -> str | None:
    """The branch in `x` or, from a fork, `owner:x`; git allows no colon in a name."""
    return values.branch(raw.rpartition(":")[2])


def _is_fork(env: Lookup) -> Sourced[bool] | None:
    name = "BUILDKITE_PULL_REQUEST_REPO"
    theirs, ours = _path(env.text(name)), _path(env.text("BUILDKITE_REPO"))
    return Sourced(theirs != ours, name) if theirs and ours else None


def _path(address: str) -> str:
    """`owner/name` of an address in any form: the two variables rarely use the same one."""
    match = _REPOSITORY_PATH.search(address)
    return match[1].lower() if match else ""


def _run_url(env: Lookup) -> Sourced[str] | None:
    build = env.first(values.web_url, "BUILDKITE_BUILD_URL")
    job = env.first(values.word, "BUILDKITE_JOB_ID")
    return Sourced(f"{build.value}#{job.value}", build.source) if build and job else build


def speak(out: TextIO, _env: Mapping[str, str]) -> Dialect:
    """Open the dialect of its log."""
    from astro_ci.ci.systems.buildkite.dialect import BuildkiteDialect

    return BuildkiteDialect(out)


SYSTEM = CISystem(
    key="buildkite",
    name="Buildkite",
    marks={"BUILDKITE": "true"},
    read=read,
    history_hint="remove --depth from BUILDKITE_GIT_CLONE_FLAGS and BUILDKITE_GIT_FETCH_FLAGS",
    credentials_hint=(
        "Create the Buildkite secret ASTRO_API_TOKEN and name it under the step's secrets:, or set "
        "it in the agent's environment hook."
    ),
    variable_hint="Set the variable ASTRO_DEPLOYMENT_ID under env: of the step or the pipeline.",
    engine_hint="Run the step on an agent that has a Docker Engine.",
    concurrency_hint="Give the step concurrency: 1 and a concurrency_group.",
    speak=speak,
    files=(".buildkite/**",),
    pipeline=Pipeline(
        path=".buildkite/pipeline.yml",
        markers=(".buildkite/*",),
        rank=7,
        # The upload of the file puts variables in.
        escape=lambda branch: branch.replace("$", "$$"),
        compares="build.branch",
        and_also=" && build.pull_request.id == null",
    ),
)
