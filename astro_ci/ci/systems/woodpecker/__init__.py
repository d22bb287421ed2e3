"""Woodpecker. Source: woodpecker-ci.org/docs/usage/environment."""

from __future__ import annotations

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline

CREDENTIALS_HINT = (
    "Create the secret ASTRO_API_TOKEN in the repository's settings, and pass it to the step: "
    "environment: ASTRO_API_TOKEN: { from_secret: ASTRO_API_TOKEN }."
)
VARIABLE_HINT = (
    "Set the variable ASTRO_DEPLOYMENT_ID of the step: environment: { ASTRO_DEPLOYMENT_ID: ID }."
)


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say."""
    common = RunFacts(
        event=env.first(values.word, "CI_PIPELINE_EVENT", "CI_BUILD_EVENT"),
        head=env.first(values.sha, "CI_COMMIT_SHA"),
        run_url=env.first(values.web_url, "CI_STEP_URL", "CI_PIPELINE_URL"),
        repository_url=env.first(values.repository_url, "CI_REPO_URL"),
    )
    # pull_request, pull_request_closed, pull_request_metadata
    if common.event and common.event.value.startswith("pull_request"):
        return replace(
            common,
            # CI_COMMIT_BRANCH is the target here.
            branch=env.first(values.branch, "CI_COMMIT_SOURCE_BRANCH"),
            pull_request=env.first(values.number, "CI_COMMIT_PULL_REQUEST"),
            base_branch=env.first(values.branch, "CI_COMMIT_TARGET_BRANCH", "CI_COMMIT_BRANCH"),
        )
    tag = env.first(values.tag, "CI_COMMIT_TAG")
    if tag:
        return replace(common, tag=tag)
    branch = env.first(values.branch, "CI_COMMIT_BRANCH")
    # The previous pipeline may have been another branch's.
    same = branch is not None and env.text("CI_PREV_COMMIT_BRANCH") == branch.value
    before = env.first(values.sha, "CI_PREV_COMMIT_SHA") if same else None
    return replace(
        common,
        branch=branch,
        before=before,
        before_is_previous_run=before and Sourced(True, before.source),
    )


SYSTEM = CISystem(
    key="woodpecker",
    name="Woodpecker",
    turn=20,  # before GitLab and Drone
    marks={"CI": "woodpecker"},
    read=read,
    history_hint="set partial: false and depth: 0 on the git plugin in the clone section",
    credentials_hint=CREDENTIALS_HINT,
    variable_hint=VARIABLE_HINT,
    engine_hint=(
        "Give the workflow a service docker:dind, and name it in DOCKER_HOST of the step."
    ),
    concurrency_hint="Give the workflow concurrency: limit: 1 and a group.",
    files=(".woodpecker.yml", ".woodpecker/**"),
    pipeline=Pipeline(
        path=".woodpecker/deploy-to-astro.yaml",
        markers=(".woodpecker.yml", ".woodpecker/*"),
        rank=9,
        has_a_meaning_for=("{", "}"),
    ),
)
