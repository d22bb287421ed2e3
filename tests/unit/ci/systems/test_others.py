"""One row per kind of run of the systems whose variables fit one screen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from astro_ci.ci import detect
from astro_ci.ci.system import CISystem
from astro_ci.ci.systems import all_systems, system_of
from tests.unit.ci.context_table import ZEROS, A, B, C, described

Row = tuple[Mapping[str, str], Mapping[str, object]]

# The commit of the previous run says nothing of a push.
PREVIOUS = {"before_is_previous_run": True}

JENKINS = {
    "JENKINS_URL": "https://ci.example.com/",
    "BUILD_URL": "https://ci.example.com/job/flows/job/main/5/",
    "GIT_URL": "https://bot:s3cret@git.example.com/acme/flows.git",
    "GIT_COMMIT": A,
    "GIT_PREVIOUS_COMMIT": C,
}
JENKINS_SAID = {
    "run_url": "https://ci.example.com/job/flows/job/main/5/",
    "repository_url": "https://git.example.com/acme/flows.git",
}
JENKINS_PR = {**JENKINS, "CHANGE_ID": "7", "CHANGE_BRANCH": "feature/x", "CHANGE_TARGET": "main"}
JENKINS_PR_SAID = {
    **JENKINS_SAID,
    "branch": "feature/x",
    "pull_request": "7",
    "base_branch": "main",
}
JENKINS_ROWS: dict[str, Row] = {
    "multibranch": (
        {**JENKINS, "BRANCH_NAME": "main", "GIT_PREVIOUS_SUCCESSFUL_COMMIT": B},
        {**JENKINS_SAID, "head": A, "branch": "main", **PREVIOUS, "before": B},
    ),
    "never-succeeded-yet": (
        {**JENKINS, "BRANCH_NAME": "main"},
        {**JENKINS_SAID, "head": A, "branch": "main", **PREVIOUS, "before": C},
    ),
    "freestyle": (
        {**JENKINS, "GIT_BRANCH": "origin/feat/x"},
        {**JENKINS_SAID, "head": A, "branch": "feat/x", **PREVIOUS, "before": C},
    ),
    "freestyle-by-full-ref": (
        {**JENKINS, "GIT_BRANCH": "refs/remotes/origin/main"},
        {**JENKINS_SAID, "head": A, "branch": "main", **PREVIOUS, "before": C},
    ),
    "freestyle-by-commit": (
        {**JENKINS, "GIT_BRANCH": "detached"},
        {**JENKINS_SAID, "head": A, **PREVIOUS, "before": C},
    ),
    "tag": (
        {**JENKINS, "BRANCH_NAME": "v1", "TAG_NAME": "v1"},
        {**JENKINS_SAID, "head": A, "tag": "v1"},
    ),
    "pull-request-that-may-be-merged": ({**JENKINS_PR, "BRANCH_NAME": "PR-7"}, JENKINS_PR_SAID),
    "pull-request-head": (
        {**JENKINS_PR, "BRANCH_NAME": "PR-7-head"},
        {**JENKINS_PR_SAID, "head": A},
    ),
    "pull-request-from-a-fork": (
        {**JENKINS_PR, "CHANGE_FORK": "eve"},
        {**JENKINS_PR_SAID, "is_fork_pull_request": True},
    ),
    "pull-request-builder": (
        {
            **JENKINS,
            "ghprbPullId": "7",
            "ghprbActualCommit": B,
            "ghprbSourceBranch": "feature/x",
            "ghprbTargetBranch": "main",
            "GIT_BRANCH": "origin/pr/7/merge",
        },
        {**JENKINS_PR_SAID, "head": B},
    ),
    "gitlab-merge-request": (
        {
            **JENKINS,
            "gitlabActionType": "MERGE",
            "gitlabMergeRequestIid": "7",
            "gitlabMergeRequestLastCommit": B,
            "gitlabSourceBranch": "feature/x",
            "gitlabTargetBranch": "main",
        },
        {**JENKINS_PR_SAID, "event": "MERGE", "head": B},
    ),
    "gitlab-push": (
        {
            "JENKINS_URL": "https://ci.example.com/",
            "gitlabActionType": "PUSH",
            "gitlabBefore": B,
            "gitlabTargetBranch": "main",
            "GIT_LOCAL_BRANCH": "main",
        },
        {"event": "PUSH", "branch": "main", "before": B},
    ),
    "scripted": ({"JENKINS_URL": "https://ci.example.com/"}, {}),
}

CIRCLE = {
    "CIRCLECI": "true",
    "CIRCLE_SHA1": A,
    "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/flows/5",
    "CIRCLE_REPOSITORY_URL": "git@github.com:acme/flows.git",
}
CIRCLE_SAID = {
    "head": A,
    "run_url": "https://circleci.com/gh/acme/flows/5",
    "repository_url": "ssh://github.com/acme/flows.git",
}
CIRCLE_ROWS: dict[str, Row] = {
    "branch": ({**CIRCLE, "CIRCLE_BRANCH": "main"}, {**CIRCLE_SAID, "branch": "main"}),
    "tag": ({**CIRCLE, "CIRCLE_TAG": "v1"}, {**CIRCLE_SAID, "tag": "v1"}),
    "branch-with-a-pull-request": (
        {
            **CIRCLE,
            "CIRCLE_BRANCH": "feature/x",
            "CIRCLE_PULL_REQUEST": "https://github.com/acme/flows/pull/7",
        },
        {**CIRCLE_SAID, "branch": "feature/x", "pull_request": "7"},
    ),
    "pull-request-from-a-fork": (
        {
            **CIRCLE,
            "CIRCLE_BRANCH": "pull/7",
            "CIRCLE_PR_NUMBER": "7",
            "CIRCLE_PULL_REQUEST": "https://github.com/acme/flows/pull/7",
        },
        {**CIRCLE_SAID, "pull_request": "7", "is_fork_pull_request": True},
    ),
    "fork-by-its-branch-alone": (
        {**CIRCLE, "CIRCLE_BRANCH": "pull/7/head"},
        {**CIRCLE_SAID, "pull_request": "7", "is_fork_pull_request": True},
    ),
    "mapped-base-revision": (
        {**CIRCLE, "CIRCLE_BRANCH": "main", "ASTRO_CI_BASE": B},
        {**CIRCLE_SAID, "branch": "main", "base_override": B},
    ),
    "unmapped-base-revision": (
        {
            **CIRCLE,
            "CIRCLE_BRANCH": "main",
            "ASTRO_CI_BASE": "<< pipeline.git.base_revision >>",
        },
        {**CIRCLE_SAID, "branch": "main"},
    ),
}

AZURE = {
    "TF_BUILD": "True",
    "BUILD_REASON": "IndividualCI",
    "BUILD_SOURCEVERSION": A,
    "BUILD_BUILDID": "5",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
    "SYSTEM_TEAMPROJECT": "Data Flows",
    "SYSTEM_JOBID": "12f1170f-54f2-53f3-20dd-22fc7dff55f9",
    "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/Data%20Flows/_git/flows",
}
AZURE_SAID = {
    "event": "IndividualCI",
    "run_url": "https://dev.azure.com/acme/Data%20Flows/_build/results?buildId=5"
    "&j=12f1170f-54f2-53f3-20dd-22fc7dff55f9",
    "repository_url": "https://dev.azure.com/acme/Data%20Flows/_git/flows",
}
AZURE_PR = {
    **AZURE,
    "BUILD_REASON": "PullRequest",
    "BUILD_SOURCEBRANCH": "refs/pull/7/merge",
    "BUILD_SOURCEBRANCHNAME": "merge",
    "SYSTEM_PULLREQUEST_PULLREQUESTID": "7",
    "SYSTEM_PULLREQUEST_SOURCECOMMITID": B,
    "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/feature/x",
    "SYSTEM_PULLREQUEST_TARGETBRANCH": "refs/heads/main",
    "SYSTEM_PULLREQUEST_ISFORK": "False",
}
AZURE_PR_SAID = {
    **AZURE_SAID,
    "event": "PullRequest",
    "head": B,
    "branch": "feature/x",
    "pull_request": "7",
    "base_branch": "main",
}
AZURE_ROWS: dict[str, Row] = {
    "push": (
        {**AZURE, "BUILD_SOURCEBRANCH": "refs/heads/feat/x", "BUILD_SOURCEBRANCHNAME": "x"},
        {**AZURE_SAID, "head": A, "branch": "feat/x"},
    ),
    "schedule": (
        {**AZURE, "BUILD_REASON": "Schedule", "BUILD_SOURCEBRANCH": "refs/heads/main"},
        {**AZURE_SAID, "event": "Schedule", "head": A, "branch": "main"},
    ),
    "tag": (
        {**AZURE, "BUILD_SOURCEBRANCH": "refs/tags/v1"},
        {**AZURE_SAID, "head": A, "tag": "v1"},
    ),
    "short-ref": (
        {**AZURE, "BUILD_SOURCEBRANCH": "main"},
        {**AZURE_SAID, "head": A, "branch": "main"},
    ),
    "pull-request": (AZURE_PR, AZURE_PR_SAID),
    "pull-request-on-github": (
        {
            **AZURE_PR,
            "SYSTEM_PULLREQUEST_PULLREQUESTID": "987654",
            "SYSTEM_PULLREQUEST_PULLREQUESTNUMBER": "7",
            "SYSTEM_PULLREQUEST_SOURCEBRANCH": "feature/x",
            "SYSTEM_PULLREQUEST_TARGETBRANCH": "main",
            "SYSTEM_PULLREQUEST_ISFORK": "True",
        },
        {**AZURE_PR_SAID, "is_fork_pull_request": True},
    ),
    "pull-request-with-unexpanded-macros": (
        {
            **AZURE_PR,
            "SYSTEM_PULLREQUEST_SOURCECOMMITID": "$(System.PullRequest.SourceCommitId)",
            "SYSTEM_PULLREQUEST_TARGETBRANCH": "$(System.PullRequest.TargetBranch)",
        },
        {k: v for k, v in AZURE_PR_SAID.items() if k not in ("head", "base_branch")},
    ),
}

BITBUCKET = {
    "BITBUCKET_BUILD_NUMBER": "5",
    "BITBUCKET_COMMIT": A,
    "BITBUCKET_REPO_FULL_NAME": "acme/flows",
    "BITBUCKET_GIT_HTTP_ORIGIN": "http://bitbucket.org/acme/flows",
}
BITBUCKET_SAID = {
    "head": A,
    "run_url": "https://bitbucket.org/acme/flows/pipelines/results/5",
    "repository_url": "http://bitbucket.org/acme/flows",
}
BITBUCKET_ROWS: dict[str, Row] = {
    "branch": ({**BITBUCKET, "BITBUCKET_BRANCH": "main"}, {**BITBUCKET_SAID, "branch": "main"}),
    "tag": ({**BITBUCKET, "BITBUCKET_TAG": "v1"}, {**BITBUCKET_SAID, "tag": "v1"}),
    "pull-request": (
        {
            **BITBUCKET,
            "BITBUCKET_BRANCH": "feature/x",
            "BITBUCKET_PR_ID": "7",
            "BITBUCKET_PR_DESTINATION_BRANCH": "main",
            "BITBUCKET_PR_DESTINATION_COMMIT": "0123456789ab",
        },
        {
            **BITBUCKET_SAID,
            "branch": "feature/x",
            "pull_request": "7",
            "base_branch": "main",
            "base_sha": "0123456789ab",
        },
    ),
}

BUILDKITE = {
    "BUILDKITE": "true",
    "BUILDKITE_SOURCE": "webhook",
    "BUILDKITE_COMMIT": A,
    "BUILDKITE_BRANCH": "main",
    "BUILDKITE_TAG": "",
    "BUILDKITE_PULL_REQUEST": "false",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "",
    "BUILDKITE_PULL_REQUEST_REPO": "",
    "BUILDKITE_REPO": "git@github.com:acme/flows.git",
    "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/flows/builds/5",
    "BUILDKITE_JOB_ID": "e44f9784",
}
BUILDKITE_SAID = {
    "event": "webhook",
    "run_url": "https://buildkite.com/acme/flows/builds/5#e44f9784",
    "repository_url": "ssh://github.com/acme/flows.git",
}
BUILDKITE_PR = {
    **BUILDKITE,
    "BUILDKITE_BRANCH": "feature/x",
    "BUILDKITE_PULL_REQUEST": "7",
    "BUILDKITE_PULL_REQUEST_BASE_BRANCH": "main",
    "BUILDKITE_PULL_REQUEST_REPO": "git://github.com/acme/flows.git",
}
BUILDKITE_PR_SAID = {
    **BUILDKITE_SAID,
    "head": A,
    "branch": "feature/x",
    "pull_request": "7",
    "base_branch": "main",
}
BUILDKITE_ROWS: dict[str, Row] = {
    "push": (BUILDKITE, {**BUILDKITE_SAID, "head": A, "branch": "main"}),
    "by-hand-without-a-commit": (
        {**BUILDKITE, "BUILDKITE_SOURCE": "ui", "BUILDKITE_COMMIT": "HEAD"},
        {**BUILDKITE_SAID, "event": "ui", "branch": "main"},
    ),
    "tag": (
        {**BUILDKITE, "BUILDKITE_BRANCH": "v1", "BUILDKITE_TAG": "v1"},
        {**BUILDKITE_SAID, "head": A, "tag": "v1"},
    ),
    "pull-request": (BUILDKITE_PR, BUILDKITE_PR_SAID),
    "pull-request-from-a-fork": (
        {
            **BUILDKITE_PR,
            "BUILDKITE_BRANCH": "eve:feature/x",
            "BUILDKITE_PULL_REQUEST_REPO": "https://github.com/eve/flows.git",
        },
        {**BUILDKITE_PR_SAID, "is_fork_pull_request": True},
    ),
    "merge-queue": (
        {
            **BUILDKITE,
            "BUILDKITE_BRANCH": "gh-readonly-queue/main/pr-7",
            "BUILDKITE_MERGE_QUEUE_BASE_BRANCH": "main",
            "BUILDKITE_MERGE_QUEUE_BASE_COMMIT": C,
        },
        {
            **BUILDKITE_SAID,
            "head": A,
            "branch": "gh-readonly-queue/main/pr-7",
            "base_branch": "main",
            "base_sha": C,
        },
    ),
}

DRONE = {
    "CI": "true",
    "DRONE": "true",
    "DRONE_BUILD_EVENT": "push",
    "DRONE_COMMIT_SHA": A,
    "DRONE_BRANCH": "main",
    "DRONE_BUILD_LINK": "https://drone.example.com/acme/flows/5",
    "DRONE_REPO_LINK": "https://github.com/acme/flows",
}
DRONE_SAID = {
    "event": "push",
    "head": A,
    "run_url": "https://drone.example.com/acme/flows/5",
    "repository_url": "https://github.com/acme/flows",
}
DRONE_ROWS: dict[str, Row] = {
    "push": (
        {**DRONE, "DRONE_COMMIT_BEFORE": B},
        {**DRONE_SAID, "branch": "main", "before": B},
    ),
    "push-of-a-new-branch": (
        {**DRONE, "DRONE_COMMIT_BEFORE": ZEROS},
        {**DRONE_SAID, "branch": "main"},
    ),
    "promotion-repeats-the-before-of-its-build": (
        {**DRONE, "DRONE_BUILD_EVENT": "promote", "DRONE_COMMIT_BEFORE": B},
        {**DRONE_SAID, "event": "promote", "branch": "main"},
    ),
    "tag": (
        {**DRONE, "DRONE_BUILD_EVENT": "tag", "DRONE_TAG": "v1", "DRONE_COMMIT_BEFORE": B},
        {**DRONE_SAID, "event": "tag", "tag": "v1"},
    ),
    "pull-request": (
        {
            **DRONE,
            "DRONE_BUILD_EVENT": "pull_request",
            "DRONE_PULL_REQUEST": "7",
            "DRONE_SOURCE_BRANCH": "feature/x",
            "DRONE_TARGET_BRANCH": "main",
            "DRONE_COMMIT_BEFORE": C,
        },
        {
            **DRONE_SAID,
            "event": "pull_request",
            "branch": "feature/x",
            "pull_request": "7",
            "base_branch": "main",
        },
    ),
}

WOODPECKER = {
    "CI": "woodpecker",
    "CI_PIPELINE_EVENT": "push",
    "CI_COMMIT_SHA": A,
    "CI_COMMIT_BRANCH": "main",
    "CI_PREV_COMMIT_SHA": B,
    "CI_PREV_COMMIT_BRANCH": "main",
    "CI_STEP_URL": "https://ci.example.com/repos/3/pipeline/5/2",
    "CI_REPO_URL": "https://git.example.com/acme/flows",
}
WOODPECKER_SAID = {
    "event": "push",
    "head": A,
    "run_url": "https://ci.example.com/repos/3/pipeline/5/2",
    "repository_url": "https://git.example.com/acme/flows",
}
WOODPECKER_ROWS: dict[str, Row] = {
    "push": (WOODPECKER, {**WOODPECKER_SAID, "branch": "main", **PREVIOUS, "before": B}),
    "previous-pipeline-of-another-branch": (
        {**WOODPECKER, "CI_PREV_COMMIT_BRANCH": "other"},
        {**WOODPECKER_SAID, "branch": "main"},
    ),
    "tag": (
        {**WOODPECKER, "CI_PIPELINE_EVENT": "tag", "CI_COMMIT_TAG": "v1"},
        {**WOODPECKER_SAID, "event": "tag", "tag": "v1"},
    ),
    "pull-request": (
        {
            **WOODPECKER,
            "CI_PIPELINE_EVENT": "pull_request",
            "CI_COMMIT_PULL_REQUEST": "7",
            "CI_COMMIT_SOURCE_BRANCH": "feature/x",
            "CI_COMMIT_TARGET_BRANCH": "main",
        },
        {
            **WOODPECKER_SAID,
            "event": "pull_request",
            "branch": "feature/x",
            "pull_request": "7",
            "base_branch": "main",
        },
    ),
    "before-gitlab-and-drone-whose-variables-it-shares": (
        {**WOODPECKER, "GITLAB_CI": "true", "DRONE": "true"},
        {**WOODPECKER_SAID, "branch": "main", **PREVIOUS, "before": B},
    ),
}

BUILD = "flows:b2a1"
CODEBUILD = {
    "CODEBUILD_BUILD_ID": BUILD,
    "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:eu-west-1:123456789012:build/{BUILD}",
    "CODEBUILD_RESOLVED_SOURCE_VERSION": A,
    "CODEBUILD_SOURCE_REPO_URL": "https://github.com/acme/flows.git",
}
CODEBUILD_SAID = {
    "head": A,
    "run_url": "https://eu-west-1.console.aws.amazon.com/codesuite/codebuild/123456789012"
    "/projects/flows/build/flows%3Ab2a1/",
    "repository_url": "https://github.com/acme/flows.git",
}
CODEBUILD_ROWS: dict[str, Row] = {
    "webhook-push": (
        {
            **CODEBUILD,
            "CODEBUILD_WEBHOOK_EVENT": "PUSH",
            "CODEBUILD_WEBHOOK_TRIGGER": "branch/feat/x",
            "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/feat/x",
            "CODEBUILD_WEBHOOK_PREV_COMMIT": B,
        },
        {**CODEBUILD_SAID, "event": "PUSH", "branch": "feat/x", "before": B},
    ),
    "webhook-tag": (
        {
            **CODEBUILD,
            "CODEBUILD_WEBHOOK_EVENT": "PUSH",
            "CODEBUILD_WEBHOOK_TRIGGER": "tag/v1",
            "CODEBUILD_WEBHOOK_PREV_COMMIT": B,
        },
        {**CODEBUILD_SAID, "event": "PUSH", "tag": "v1"},
    ),
    "webhook-pull-request": (
        {
            **CODEBUILD,
            "CODEBUILD_WEBHOOK_EVENT": "PULL_REQUEST_UPDATED",
            "CODEBUILD_WEBHOOK_TRIGGER": "pr/7",
            "CODEBUILD_WEBHOOK_HEAD_REF": "refs/heads/feature/x",
            "CODEBUILD_WEBHOOK_BASE_REF": "refs/heads/main",
        },
        {
            **CODEBUILD_SAID,
            "event": "PULL_REQUEST_UPDATED",
            "branch": "feature/x",
            "pull_request": "7",
            "base_branch": "main",
        },
    ),
    "by-hand": (
        {**CODEBUILD, "CODEBUILD_SOURCE_VERSION": "main"},
        CODEBUILD_SAID,
    ),
    "a-public-page-comes-first": (
        {**CODEBUILD, "CODEBUILD_PUBLIC_BUILD_URL": "https://builds.example.com/5"},
        {**CODEBUILD_SAID, "run_url": "https://builds.example.com/5"},
    ),
    "codepipeline-without-git": ({"CODEBUILD_BUILD_ID": BUILD}, {}),
}

TRAVIS = {
    "CI": "true",
    "TRAVIS": "true",
    "TRAVIS_EVENT_TYPE": "push",
    "TRAVIS_COMMIT": A,
    "TRAVIS_COMMIT_RANGE": f"{B}...{A}",
    "TRAVIS_BRANCH": "main",
    "TRAVIS_PULL_REQUEST": "false",
    "TRAVIS_TAG": "",
    "TRAVIS_REPO_SLUG": "acme/flows",
    "TRAVIS_JOB_WEB_URL": "https://app.travis-ci.com/acme/flows/jobs/5",
}
TRAVIS_SAID = {
    "event": "push",
    "head": A,
    "run_url": "https://app.travis-ci.com/acme/flows/jobs/5",
    "repository_url": "https://github.com/acme/flows",
}
TRAVIS_PR = {
    **TRAVIS,
    "TRAVIS_EVENT_TYPE": "pull_request",
    "TRAVIS_PULL_REQUEST": "7",
    "TRAVIS_PULL_REQUEST_SHA": B,
    "TRAVIS_PULL_REQUEST_BRANCH": "feature/x",
    "TRAVIS_PULL_REQUEST_SLUG": "acme/flows",
    "TRAVIS_COMMIT_RANGE": f"{C}...{B}",
}
TRAVIS_PR_SAID = {
    **TRAVIS_SAID,
    "event": "pull_request",
    "head": B,
    "branch": "feature/x",
    "pull_request": "7",
    "base_branch": "main",
    "base_sha": C,
}
TRAVIS_ROWS: dict[str, Row] = {
    "push": (TRAVIS, {**TRAVIS_SAID, "branch": "main", "before": B}),
    "push-of-a-new-branch": (
        {**TRAVIS, "TRAVIS_COMMIT_RANGE": ""},
        {**TRAVIS_SAID, "branch": "main"},
    ),
    "cron": (
        {**TRAVIS, "TRAVIS_EVENT_TYPE": "cron"},
        {**TRAVIS_SAID, "event": "cron", "branch": "main"},
    ),
    "tag": (
        {**TRAVIS, "TRAVIS_BRANCH": "v1", "TRAVIS_TAG": "v1"},
        {**TRAVIS_SAID, "tag": "v1"},
    ),
    "pull-request": (TRAVIS_PR, TRAVIS_PR_SAID),
    "pull-request-from-a-fork": (
        {**TRAVIS_PR, "TRAVIS_PULL_REQUEST_SLUG": "eve/flows"},
        {**TRAVIS_PR_SAID, "is_fork_pull_request": True},
    ),
}

TABLES: dict[str, Mapping[str, Row]] = {
    "jenkins": JENKINS_ROWS,
    "circleci": CIRCLE_ROWS,
    "azure": AZURE_ROWS,
    "bitbucket": BITBUCKET_ROWS,
    "buildkite": BUILDKITE_ROWS,
    "drone": DRONE_ROWS,
    "woodpecker": WOODPECKER_ROWS,
    "codebuild": CODEBUILD_ROWS,
    "travis": TRAVIS_ROWS,
    "none": {"terminal": ({}, {}), "unknown": ({"CI": "true", "CI_COMMIT_SHA": A}, {})},
}


@pytest.mark.parametrize(
    ("key", "env", "said"),
    [
        pytest.param(key, env, said, id=f"{key}-{kind}")
        for key, rows in TABLES.items()
        for kind, (env, said) in rows.items()
    ],
)
def test_system(key: str, env: Mapping[str, str], said: Mapping[str, object]) -> None:
    assert described(env) == (key, said)


@pytest.mark.parametrize(
    ("env", "key"),
    [
        ({"GITHUB_ACTIONS": "true", "CODEBUILD_BUILD_ID": BUILD}, "github"),
        ({"GITLAB_CI": "true", "CODEBUILD_BUILD_ID": BUILD}, "gitlab"),
        ({"BUILDKITE": "true", "JENKINS_URL": "https://ci.example.com"}, "buildkite"),
        ({"GITHUB_ACTIONS": "false", "JENKINS_URL": "https://ci.example.com"}, "jenkins"),
        ({"GITHUB_ACTIONS": "", "TF_BUILD": "", "CI": "true"}, "none"),
    ],
)
def test_specific_systems_come_first(env: dict[str, str], key: str) -> None:
    assert detect(env).key == key


@pytest.mark.parametrize("system", [*all_systems()], ids=lambda system: system.key)
def test_every_system_has_its_own_words(system: CISystem) -> None:
    assert system.name
    assert system.key
    assert "ASTRO_API_TOKEN" in system.credentials_hint
    assert "ASTRO_DEPLOYMENT_ID" in system.variable_hint
    hints = (system.credentials_hint, system.variable_hint)
    for hint in (*hints, system.engine_hint, system.concurrency_hint):
        assert hint[0].isupper()
        assert hint.endswith((".", ")"))
    # A reason quotes this one in brackets: no capital, no full stop.
    assert system.history_hint[0].islower()
    assert not system.history_hint.endswith(".")


def test_keys_are_unique() -> None:
    keys = [system.key for system in all_systems()]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("system", [*all_systems()], ids=lambda system: system.key)
def test_a_system_is_found_by_its_key(system: CISystem) -> None:
    assert system_of(system.key) is system
    assert system_of(detect({}).key).key == "none"


def test_an_unknown_key_loads_nothing() -> None:
    with pytest.raises(KeyError):
        system_of("index")


def test_the_modules_say_in_which_order_they_are_asked() -> None:
    """The index was made of them; `tools/reference.py --check` holds all of it."""
    turns = [(system.turn, system.key) for system in all_systems()]
    assert turns == sorted(turns)


def test_every_mark_shows_its_system() -> None:
    """And no mark counts with another word, or when it is empty."""
    for system in all_systems():
        for name, word in system.marks.items():
            assert detect({name: word.upper() or "any"}).key == system.key
            for other in ("", "other") if word else ("",):
                assert detect({name: other}).key == "none"


def test_a_run_loads_its_own_system_alone() -> None:
    """Nor another dialect than its own, nor what only `init` and comments need."""
    code = (
        "import io, sys; from astro_ci.ci import detect, dialect_for;"
        "ci = detect({'GITHUB_ACTIONS': 'true'});"
        "dialect_for(ci.key, env={}, out=io.StringIO());"
        "print(*sorted(m.removeprefix('astro_ci.ci.') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("systems.")}
    assert loaded == {
        "systems.index",
        "systems.github",
        "systems.github.dialect",
    }


def test_hints_reach_the_context() -> None:
    github = detect({"GITHUB_ACTIONS": "true"})
    assert github.history_hint == "set fetch-depth: 0 on actions/checkout"
    assert "secrets.ASTRO_API_TOKEN" in github.secret_hint
    gitlab = detect({"GITLAB_CI": "true"})
    assert "GIT_DEPTH" in gitlab.history_hint
    assert "CI/CD > Variables" in gitlab.secret_hint
    assert "concurrency group" in github.concurrency_hint
    assert "resource_group" in gitlab.concurrency_hint
