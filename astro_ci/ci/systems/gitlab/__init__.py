"""GitLab CI. Source: docs.gitlab.com/ci/variables/predefined_variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

from msgspec.structs import replace

from astro_ci.ci import values
from astro_ci.ci.context import RunFacts
from astro_ci.ci.lookup import Lookup, Sourced
from astro_ci.ci.system import CISystem, Pipeline

if TYPE_CHECKING:
    from astro_ci.ci.comments.place import Place
    from astro_ci.ci.dialects.base import Dialect


def read(env: Lookup) -> RunFacts:
    """Collect what the variables say."""
    common = RunFacts(
        event=env.first(values.word, "CI_PIPELINE_SOURCE"),
        run_url=env.first(values.web_url, "CI_JOB_URL", "CI_PIPELINE_URL"),
        # Never CI_REPOSITORY_URL, which holds the job's token.
        repository_url=env.first(values.repository_url, "CI_PROJECT_URL"),
    )
    if env.text("CI_MERGE_REQUEST_IID"):
        return _merge_request(env, common)
    if env.text("CI_EXTERNAL_PULL_REQUEST_IID"):
        return _external_pull_request(env, common)
    branch = env.first(values.branch, "CI_COMMIT_BRANCH")
    return replace(
        common,
        head=env.first(values.sha, "CI_COMMIT_SHA"),
        branch=branch,
        tag=env.first(values.tag, "CI_COMMIT_TAG"),
        # Zeros in a branch's first pipeline, and when it was started by hand or by a schedule.
        before=env.first(values.sha, "CI_COMMIT_BEFORE_SHA") if branch else None,
    )


def _merge_request(env: Lookup, common: RunFacts) -> RunFacts:
    # In merged results pipelines and merge trains CI_COMMIT_SHA is a synthetic merge.
    merged = env.says("CI_MERGE_REQUEST_EVENT_TYPE", "merged_result", "merge_train")
    names = ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", *(() if merged else ("CI_COMMIT_SHA",)))
    return replace(
        common,
        head=env.first(values.sha, *names),
        branch=env.first(values.branch, "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME"),
        pull_request=env.first(values.number, "CI_MERGE_REQUEST_IID"),
        base_branch=env.first(values.branch, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
        base_sha=env.first(values.sha, "CI_MERGE_REQUEST_DIFF_BASE_SHA"),
        is_fork_pull_request=_is_fork(env),
    )


def _external_pull_request(env: Lookup, common: RunFacts) -> RunFacts:
    prefix = "CI_EXTERNAL_PULL_REQUEST_"
    return replace(
        common,
        head=env.first(values.sha, f"{prefix}SOURCE_BRANCH_SHA"),
        branch=env.first(values.branch, f"{prefix}SOURCE_BRANCH_NAME"),
        pull_request=env.first(values.number, f"{prefix}IID"),
        base_branch=env.first(values.branch, f"{prefix}TARGET_BRANCH_NAME"),
        base_sha=env.first(values.sha, f"{prefix}TARGET_BRANCH_SHA"),
    )


def _is_fork(env: Lookup) -> Sourced[bool] | None:
    source = env.text("CI_MERGE_REQUEST_SOURCE_PROJECT_ID")
    target = env.text("CI_MERGE_REQUEST_PROJECT_ID")
    if not (source and target):
        return None
    return Sourced(source != target, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID")


def secret_remedy(env: Mapping[str, str]) -> str:
    """Protected variables are withheld from a branch or tag that is not protected."""
    if env.get("CI_COMMIT_REF_PROTECTED") != "false":
        return ""
    return (
        "This branch or tag is not protected, and only protected branches and tags get protected "
        "variables. Protect it under Settings > Repository, or create ASTRO_API_TOKEN as a masked "
        "variable that is not protected."
    )


def find_comments(number: str, env: Mapping[str, str]) -> Place:
    """Find the comments of a pull request. Raises CommentError."""
    from astro_ci.ci.systems.gitlab.comments import place

    return place(number, env)


def speak(out: TextIO, env: Mapping[str, str]) -> Dialect:
    """Open the dialect of its log."""
    from astro_ci.ci.systems.gitlab.dialect import GitLabDialect

    return GitLabDialect(out, env)


_PLACE = "Settings > CI/CD > Variables"

SYSTEM = CISystem(
    key="gitlab",
    name="GitLab CI",
    turn=40,  # early, as many runs are its
    marks={"GITLAB_CI": "true"},
    read=read,
    history_hint='set GIT_DEPTH: "0" in the job\'s variables',
    credentials_hint=(
        f"Create the masked variable ASTRO_API_TOKEN under {_PLACE}; only protected branches and "
        "tags get protected variables."
    ),
    variable_hint=(
        f"Create the variable ASTRO_DEPLOYMENT_ID under {_PLACE}; only protected branches and "
        "tags get protected variables."
    ),
    engine_hint=(
        "Give the job the service docker:dind, which needs a privileged runner; the deploy "
        "template does so unless its input builder is set."
    ),
    concurrency_hint="Give the job a resource_group.",
    switch_hint=(
        'add {stem}: "true" to the inputs of the deploy template, or {flag} to the command'
    ),
    secret_remedy=secret_remedy,
    speak=speak,
    comments=find_comments,
    files=(".gitlab-ci.yml", ".gitlab/**"),
    pipeline=Pipeline(
        path=".gitlab-ci.yml",
        markers=(".gitlab-ci.yml",),
        host=r"(^|[.-])gitlab\.",
        rank=2,
        compares="$CI_COMMIT_BRANCH",
        stage="deploy",
    ),
)
