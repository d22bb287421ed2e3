"""Drone, and Harness CI with the same variables. Source: docs.drone.io/pipeline/environment."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.ci.systems import woodpecker


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say."""
    common = RunFacts(
        event=env.first(values.word, "DRONE_BUILD_EVENT"),
        head=env.first(values.sha, "DRONE_COMMIT_SHA", "DRONE_COMMIT_AFTER"),
        run_url=env.first(values.web_url, "DRONE_BUILD_LINK"),
        repository_url=env.first(values.repository_url, "DRONE_REPO_LINK", "DRONE_GIT_HTTP_URL"),
    )
    if env.says("DRONE_BUILD_EVENT", "pull_request"):
        return replace(
            common,
            # DRONE_BRANCH is the target here.
            branch=env.first(values.branch, "DRONE_SOURCE_BRANCH"),
            pull_request=env.first(values.number, "DRONE_PULL_REQUEST"),
            base_branch=env.first(values.branch, "DRONE_TARGET_BRANCH", "DRONE_BRANCH"),
        )
    tag = env.first(values.tag, "DRONE_TAG")
    if tag:
        return replace(common, tag=tag)
    is_push = env.says("DRONE_BUILD_EVENT", "push")
    return replace(
        common,
        branch=env.first(values.branch, "DRONE_BRANCH"),
        before=env.first(values.sha, "DRONE_COMMIT_BEFORE") if is_push else None,
    )


SYSTEM = CISystem(
    key="drone",
    name="Drone",
    marks={"DRONE": "true"},
    read=read,
    history_hint="remove depth from the pipeline's clone section",
    credentials_hint=woodpecker.CREDENTIALS_HINT,
    variable_hint=woodpecker.VARIABLE_HINT,
    engine_hint=(
        "Give the pipeline a service docker:dind, and name it in DOCKER_HOST of the step."
    ),
    concurrency_hint="Give the pipeline concurrency: limit: 1.",
    files=(".drone.yml",),
    pipeline=Pipeline(
        path=".drone.yml",
        markers=(".drone.yml",),
        rank=8,
        has_a_meaning_for=("${",),
    ),
)
