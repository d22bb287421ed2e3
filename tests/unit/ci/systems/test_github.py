from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from astro_ci.ci import detect
from tests.unit.ci.context_table import EVENT_PATH, ZEROS, A, B, C, D, described

RUN = {
    "CI": "true",
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/flows",
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_NUMBER": "12",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_EVENT_PATH": EVENT_PATH,
    "GITHUB_SHA": A,
}
REPOSITORY_URL = "https://github.com/acme/flows"
EVERY_RUN = {
    "repository_url": REPOSITORY_URL,
    "run_url": f"{REPOSITORY_URL}/actions/runs/77/attempts/2",
}
ON_MAIN = {"GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_REF_TYPE": "branch"}
ON_TAG = {"GITHUB_REF": "refs/tags/v1", "GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag"}
ON_PR = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_REF_NAME": "7/merge",
    "GITHUB_REF_TYPE": "branch",
    "GITHUB_HEAD_REF": "feature/x",
    "GITHUB_BASE_REF": "main",
}


def pull_request(head_repo: str | None = "acme/flows", **more: object) -> dict[str, Any]:
    """The part of a pull request's event document that matters; None: a deleted fork."""
    return {
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": {
                "sha": B,
                "ref": "feature/x",
                "repo": {"full_name": head_repo, "fork": True} if head_repo else None,
            },
            "base": {"sha": C, "ref": "main", "repo": {"full_name": "acme/flows"}},
            "merged": False,
            "merge_commit_sha": A,
            **more,
        },
    }


PR_SAID = {
    "event": "pull_request",
    "head": B,
    "branch": "feature/x",
    "pull_request": "7",
    "base_branch": "main",
    "base_sha": C,
}
ON_MAIN_SAID = {"head": A, "branch": "main"}

PULL_REQUEST = {"number": 7, "base": {"ref": "develop", "sha": C}, "head": {"sha": B}}


def workflow_run(event: str, **its: object) -> dict[str, object]:
    """The document of a run after a workflow that had this event."""
    found = {"event": event, "head_sha": B, "head_branch": "feature/x", "pull_requests": []}
    repository = {"full_name": "acme/flows", "default_branch": "main"}
    its = {"head_repository": {"full_name": "acme/flows"}, **its}
    return {"workflow_run": {**found, **its}, "repository": repository}


ROWS = {
    "push": (
        {"GITHUB_EVENT_NAME": "push", **ON_MAIN},
        {"before": B, "after": A, "forced": False},
        {"event": "push", **ON_MAIN_SAID, "before": B},
    ),
    "push-of-a-new-branch": (
        {"GITHUB_EVENT_NAME": "push", **ON_MAIN},
        {"before": ZEROS, "after": A, "created": True},
        {"event": "push", **ON_MAIN_SAID},
    ),
    "forced-push-keeps-before-for-git-to-judge": (
        {"GITHUB_EVENT_NAME": "push", **ON_MAIN},
        {"before": D, "after": A, "forced": True},
        {"event": "push", **ON_MAIN_SAID, "before": D},
    ),
    "push-of-a-branch-with-slashes": (
        {
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_REF": "refs/heads/feat/tags/x",
            "GITHUB_REF_NAME": "feat/tags/x",
            "GITHUB_REF_TYPE": "branch",
        },
        {"before": B},
        {"event": "push", "head": A, "branch": "feat/tags/x", "before": B},
    ),
    "push-of-a-tag": (
        {"GITHUB_EVENT_NAME": "push", **ON_TAG},
        {"before": ZEROS},
        {"event": "push", "head": A, "tag": "v1"},
    ),
    "push-of-a-moved-tag": (
        {"GITHUB_EVENT_NAME": "push", **ON_TAG},
        {"before": B, "forced": True},
        {"event": "push", "head": A, "tag": "v1"},
    ),
    "release": (
        {"GITHUB_EVENT_NAME": "release", **ON_TAG},
        {"action": "published"},
        {"event": "release", "head": A, "tag": "v1"},
    ),
    "pull-request-opened": (ON_PR, {"action": "opened", **pull_request()}, PR_SAID),
    "pull-request-synchronize-before-is-no-base": (
        ON_PR,
        {"action": "synchronize", "before": D, "after": B, **pull_request()},
        PR_SAID,
    ),
    "pull-request-from-a-fork": (
        ON_PR,
        pull_request(head_repo="eve/flows"),
        {**PR_SAID, "is_fork_pull_request": True},
    ),
    "pull-request-from-a-deleted-fork": (
        ON_PR,
        pull_request(head_repo=None),
        {**PR_SAID, "is_fork_pull_request": True},
    ),
    "pull-request-closed-unmerged": (ON_PR, {"action": "closed", **pull_request()}, PR_SAID),
    "pull-request-merged-runs-on-the-base-branch": (
        {**ON_PR, **ON_MAIN},
        {"action": "closed", **pull_request(merged=True)},
        {**PR_SAID, "head": A, "branch": "main"},
    ),
    "pull-request-target": (
        {**ON_PR, **ON_MAIN, "GITHUB_EVENT_NAME": "pull_request_target", "GITHUB_SHA": C},
        pull_request(head_repo="eve/flows"),
        {**PR_SAID, "event": "pull_request_target", "is_fork_pull_request": True},
    ),
    "pull-request-review-has-no-head-ref-variable": (
        {
            "GITHUB_EVENT_NAME": "pull_request_review",
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_HEAD_REF": "",
            "GITHUB_BASE_REF": "",
        },
        {"pull_request": pull_request()["pull_request"]},
        {**PR_SAID, "event": "pull_request_review"},
    ),
    "merge-group": (
        {
            "GITHUB_EVENT_NAME": "merge_group",
            "GITHUB_REF": f"refs/heads/gh-readonly-queue/main/pr-7-{C}",
            "GITHUB_REF_TYPE": "branch",
        },
        {"merge_group": {"base_ref": "refs/heads/main", "base_sha": C, "head_sha": A}},
        {
            "event": "merge_group",
            "head": A,
            "branch": f"gh-readonly-queue/main/pr-7-{C}",
            "base_branch": "main",
            "base_sha": C,
        },
    ),
    "workflow-dispatch": (
        {"GITHUB_EVENT_NAME": "workflow_dispatch", **ON_MAIN},
        {"inputs": {"before": B}, "ref": "refs/heads/main"},
        {"event": "workflow_dispatch", **ON_MAIN_SAID},
    ),
    "before-of-anything-but-a-push": (
        {"GITHUB_EVENT_NAME": "repository_dispatch", **ON_MAIN},
        {"before": B},
        {"event": "repository_dispatch", **ON_MAIN_SAID},
    ),
    "workflow-run-of-a-pull-request": (
        {"GITHUB_EVENT_NAME": "workflow_run", **ON_MAIN},
        workflow_run("pull_request", pull_requests=[PULL_REQUEST]),
        {
            "event": "workflow_run",
            "head": B,
            "branch": "feature/x",
            "pull_request": "7",
            "base_branch": "develop",
            "base_sha": C,
        },
    ),
    "workflow-run-of-a-forks-pull-request": (
        {"GITHUB_EVENT_NAME": "workflow_run", **ON_MAIN},
        workflow_run("pull_request", head_repository={"full_name": "eve/flows"}),
        {
            "event": "workflow_run",
            "head": B,
            "branch": "feature/x",
            "base_branch": "main",
            "is_fork_pull_request": True,
        },
    ),
    "workflow-run-of-a-push": (
        {"GITHUB_EVENT_NAME": "workflow_run", **ON_MAIN},
        workflow_run("push", head_branch="develop"),
        {"event": "workflow_run", "head": B, "branch": "develop"},
    ),
    "workflow-run-that-does-not-say": (
        {"GITHUB_EVENT_NAME": "workflow_run", **ON_MAIN},
        {"workflow_run": {}},
        {"event": "workflow_run", **ON_MAIN_SAID},
    ),
    "comment-on-a-pull-request": (
        {"GITHUB_EVENT_NAME": "issue_comment", **ON_MAIN},
        {"issue": {"number": 7, "pull_request": {"url": "https://x"}}},
        {"event": "issue_comment", **ON_MAIN_SAID},
    ),
    "schedule": (
        {"GITHUB_EVENT_NAME": "schedule", **ON_MAIN},
        {"schedule": "0 4 * * *"},
        {"event": "schedule", **ON_MAIN_SAID},
    ),
    "no-full-ref-only-its-parts": (
        {
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REF_NAME": "main",
            "GITHUB_REF_TYPE": "branch",
        },
        {},
        {"event": "schedule", **ON_MAIN_SAID},
    ),
    "no-full-ref-of-a-tag": (
        {"GITHUB_EVENT_NAME": "release", "GITHUB_REF_NAME": "v1", "GITHUB_REF_TYPE": "tag"},
        {},
        {"event": "release", "head": A, "tag": "v1"},
    ),
}


@pytest.mark.parametrize(("env", "event", "said"), ROWS.values(), ids=ROWS)
def test_github(env: dict[str, str], event: object, said: Mapping[str, object]) -> None:
    assert described(RUN | env, event) == ("github", EVERY_RUN | dict(said))


@pytest.mark.parametrize(
    "document",
    ["", "{", "null", "[]", '"push"', "[" * 100_000, '{"before": 7}', '{"before": {"a": 1}}'],
    ids=["empty", "cut", "null", "list", "text", "deep", "number", "object"],
)
def test_a_broken_event_document_says_nothing(document: str) -> None:
    env = {**RUN, "GITHUB_EVENT_NAME": "push", **ON_MAIN}

    _, said = described(env, files={EVENT_PATH: document})

    assert said == EVERY_RUN | {"event": "push", **ON_MAIN_SAID}


@pytest.mark.parametrize("path", ["", "/nowhere", "/", "a\0b"])
def test_an_event_document_that_cannot_be_read_from_disk(path: str) -> None:
    context = detect({**RUN, **ON_PR, "GITHUB_EVENT_PATH": path})

    # GITHUB_SHA is a synthetic merge, so the head is unknown; the number is in the ref.
    assert (context.head, context.pull_request) == (None, "7")
    assert (context.branch, context.base_branch) == ("feature/x", "main")


def test_the_event_document_is_read_from_disk(tmp_path: Any) -> None:
    path = tmp_path / "event.json"
    path.write_text(f'{{"before": "{B}"}}', encoding="utf-8")

    context = detect(
        {**RUN, "GITHUB_EVENT_NAME": "push", **ON_MAIN, "GITHUB_EVENT_PATH": str(path)}
    )

    assert context.before == B
    assert context.sources["before"] == "event.before"
    assert context.sources["head"] == "GITHUB_SHA"


@pytest.mark.parametrize(
    ("markers", "key", "system"),
    [
        ({"GITEA_ACTIONS": "true"}, "gitea", "Gitea Actions"),
        ({"FORGEJO_ACTIONS": "true"}, "forgejo", "Forgejo Actions"),
        ({"GITEA_ACTIONS": "true", "FORGEJO_ACTIONS": "true"}, "forgejo", "Forgejo Actions"),
    ],
)
def test_gitea_and_forgejo(markers: dict[str, str], key: str, system: str) -> None:
    env = {
        **RUN,
        **ON_MAIN,
        **markers,
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_SERVER_URL": "https://git.example.com/sub/",
    }

    assert described(env, {"before": B}) == (
        key,
        {
            "event": "push",
            **ON_MAIN_SAID,
            "before": B,
            "repository_url": "https://git.example.com/sub/acme/flows",
            "run_url": "https://git.example.com/sub/acme/flows/actions/runs/12",
        },
    )
    assert detect(env).system == system


def test_half_a_url_is_none() -> None:
    for missing in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL", "GITHUB_RUN_ID"):
        assert detect({**RUN, missing: ""}).run_url is None
    assert detect({**RUN, "GITHUB_REPOSITORY": ""}).repository_url is None
