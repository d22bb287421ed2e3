"""CircleCI. Source: circleci.com/docs/reference/variables.

The environment has no previous commit and no base: a job maps `<< pipeline.git.base_revision >>`
to ASTRO_CI_BASE.
"""

from __future__ import annotations

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline
from astro_ci.text import Regex

_FORK_BRANCH = Regex(r"pull/([0-9]+)(?:/head|/merge)?")


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say."""
    from_fork = env.first(values.number, "CIRCLE_PR_NUMBER") or env.first(
        _fork_branch_number, "CIRCLE_BRANCH"
    )
    return RunFacts(
        head=env.first(values.sha, "CIRCLE_SHA1"),
        branch=env.first(_own_branch, "CIRCLE_BRANCH"),
        tag=env.first(values.tag, "CIRCLE_TAG"),
        pull_request=from_fork or env.first(_last_part, "CIRCLE_PULL_REQUEST"),
        is_fork_pull_request=Sourced(True, from_fork.source) if from_fork else None,
        run_url=env.first(values.web_url, "CIRCLE_BUILD_URL"),
        repository_url=env.first(values.repository_url, "CIRCLE_REPOSITORY_URL"),
    )


def _fork_branch_number(raw: str) -> str | None:
    match = _FORK_BRANCH.fullmatch(raw.strip())
    return values.number(match[1]) if match else None


def _own_branch(raw: str) -> str | None:
    return None if _FORK_BRANCH.fullmatch(raw.strip()) else values.branch(raw)


def _last_part(raw: str) -> str | None:
    return values.number(raw.strip().rpartition("/")[2])


_PLACE = "under Project Settings > Environment Variables"

SYSTEM = CISystem(
    key="circleci",
    name="CircleCI",
    marks={"CIRCLECI": "true"},
    read=read,
    history_hint="set method: full on the checkout step",
    credentials_hint=(
        f"Add the environment variable ASTRO_API_TOKEN {_PLACE}, or to a context that the job uses."
    ),
    variable_hint=(
        f"Add the environment variable ASTRO_DEPLOYMENT_ID {_PLACE}, or to a context that the job "
        "uses."
    ),
    engine_hint="Add the step setup_remote_docker to the job, or use a machine executor.",
    concurrency_hint="Give the job of the workflow a serial-group.",
    runs_for_pushes_alone=True,  # it only mentions that the branch has a pull request
    files=(".circleci/**",),
    pipeline=Pipeline(
        path=".circleci/config.yml",
        markers=(".circleci/config.yml",),
        rank=4,
        has_a_meaning_for=("<<",),
    ),
)
