from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.ci.context_table import ZEROS, A, B, C, D, described

RUN = {
    "CI": "true",
    "GITLAB_CI": "true",
    "CI_COMMIT_SHA": A,
    "CI_COMMIT_BEFORE_SHA": ZEROS,
    "CI_JOB_URL": "https://gitlab.example.com/data/flows/-/jobs/5",
    "CI_PIPELINE_URL": "https://gitlab.example.com/data/flows/-/pipelines/3",
    "CI_PROJECT_URL": "https://gitlab.example.com/data/flows",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:s3cret@gitlab.example.com/data/flows.git",
}
EVERY_RUN = {
    "run_url": "https://gitlab.example.com/data/flows/-/jobs/5",
    "repository_url": "https://gitlab.example.com/data/flows",
}
ON_MAIN = {"CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main"}
ON_MR = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_ID": "90123",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
    "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "feature/x",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
    "CI_MERGE_REQUEST_PROJECT_ID": "1",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    "CI_MERGE_REQUEST_DIFF_BASE_SHA": C,
}
MR_SAID = {
    "event": "merge_request_event",
    "head": A,
    "branch": "feature/x",
    "pull_request": "7",
    "base_branch": "main",
    "base_sha": C,
}

ROWS = {
    "push": (
        {"CI_PIPELINE_SOURCE": "push", **ON_MAIN, "CI_COMMIT_BEFORE_SHA": B},
        {"event": "push", "head": A, "branch": "main", "before": B},
    ),
    "first-pipeline-of-a-branch": (
        {"CI_PIPELINE_SOURCE": "push", **ON_MAIN},
        {"event": "push", "head": A, "branch": "main"},
    ),
    "tag": (
        {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_TAG": "v1", "CI_COMMIT_BEFORE_SHA": B},
        {"event": "push", "head": A, "tag": "v1"},
    ),
    "schedule": (
        {"CI_PIPELINE_SOURCE": "schedule", **ON_MAIN},
        {"event": "schedule", "head": A, "branch": "main"},
    ),
    "web": (
        {"CI_PIPELINE_SOURCE": "web", **ON_MAIN},
        {"event": "web", "head": A, "branch": "main"},
    ),
    "merge-request": (ON_MR, MR_SAID),
    "merge-request-has-no-before": ({**ON_MR, "CI_COMMIT_BEFORE_SHA": B}, MR_SAID),
    "merge-request-from-a-fork": (
        {**ON_MR, "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "2"},
        {**MR_SAID, "is_fork_pull_request": True},
    ),
    "merged-results": (
        {
            **ON_MR,
            "CI_MERGE_REQUEST_EVENT_TYPE": "merged_result",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": B,
            "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": D,
        },
        {**MR_SAID, "head": B},
    ),
    "merge-train-without-source-sha": (
        {**ON_MR, "CI_MERGE_REQUEST_EVENT_TYPE": "merge_train"},
        {name: value for name, value in MR_SAID.items() if name != "head"},
    ),
    "github-pull-request": (
        {
            "CI_PIPELINE_SOURCE": "external_pull_request_event",
            "CI_EXTERNAL_PULL_REQUEST_IID": "7",
            "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_NAME": "feature/x",
            "CI_EXTERNAL_PULL_REQUEST_SOURCE_BRANCH_SHA": A,
            "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA": C,
            "CI_COMMIT_BRANCH": "feature/x",
        },
        {**MR_SAID, "event": "external_pull_request_event"},
    ),
}


@pytest.mark.parametrize(("env", "said"), ROWS.values(), ids=ROWS)
def test_gitlab(env: dict[str, str], said: Mapping[str, object]) -> None:
    assert described(RUN | env) == ("gitlab", EVERY_RUN | dict(said))
