"""Bitbucket Pipelines. Source: support.atlassian.com "Variables and secrets"."""

from __future__ import annotations

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say; there is no previous commit."""
    return RunFacts(
        # The source commit on pull requests too: the merge is made in the clone.
        head=env.first(values.sha, "BITBUCKET_COMMIT"),
        branch=env.first(values.branch, "BITBUCKET_BRANCH"),
        tag=env.first(values.tag, "BITBUCKET_TAG"),
        pull_request=env.first(values.number, "BITBUCKET_PR_ID"),
        base_branch=env.first(values.branch, "BITBUCKET_PR_DESTINATION_BRANCH"),
        base_sha=env.first(values.sha, "BITBUCKET_PR_DESTINATION_COMMIT"),
        run_url=_run_url(env),
        repository_url=env.first(values.repository_url, "BITBUCKET_GIT_HTTP_ORIGIN"),
    )


def _run_url(env: Lookup) -> Sourced[str] | None:
    name = env.first(values.slug, "BITBUCKET_REPO_FULL_NAME")
    number = env.first(values.number, "BITBUCKET_BUILD_NUMBER")
    if not (name and number):
        return None
    page = f"https://bitbucket.org/{name.value}/pipelines/results/{number.value}"
    return Sourced(page, number.source)


_PLACE = "under Repository settings > Repository variables"

SYSTEM = CISystem(
    key="bitbucket",
    name="Bitbucket Pipelines",
    marks={"BITBUCKET_BUILD_NUMBER": ""},
    read=read,
    history_hint="set clone: depth: full",
    credentials_hint=(
        f"Add the secured variable ASTRO_API_TOKEN {_PLACE}, or to the step's deployment "
        "environment."
    ),
    variable_hint=(
        f"Add the variable ASTRO_DEPLOYMENT_ID {_PLACE}, or to the step's deployment environment."
    ),
    engine_hint="Give the step the service docker: services: [docker].",
    concurrency_hint="Give the step a concurrency-group.",
    files=("bitbucket-pipelines.yml",),
    pipeline=Pipeline(
        path="bitbucket-pipelines.yml",
        markers=("bitbucket-pipelines.yml",),
        host=r"(^|[.-])bitbucket\.",
        rank=6,
        has_a_meaning_for=("{", "}"),
    ),
)
