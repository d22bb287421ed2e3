"""One comment for each Deployment on a pull request, kept up to date, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.integration.forge import TOKEN, Forge, serve
from tests.integration.stage import FILES, Run, Stage
from tests.repository import Repository


@pytest.fixture
def forge() -> Iterator[Forge]:
    with serve() as forge:
        yield forge


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.05) as astro:
        yield Stage(astro, Repository.create(tmp_path / "project", FILES))


def comment(stage: Stage, env: Mapping[str, str], command: str = "plan", *options: str) -> Run:
    """Run with --comment, and see that the token is not shown."""
    run = stage.command(command, "--comment", *options, env={**stage.env, **env})
    assert TOKEN not in run.out + run.err
    return run


@pytest.fixture(params=["github", "gitlab"])
def job(request: pytest.FixtureRequest, forge: Forge) -> dict[str, str]:
    found: dict[str, str] = getattr(forge, request.param)
    return found


def test_a_plan_is_commented_once_and_updated_in_place(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    forge.comments += [{"id": 1, "body": "LGTM"}, {"id": 2, "body": None}, {"id": 3, "body": "+1"}]
    run = comment(stage, job)
    assert run.code == 0
    assert "commented on pull request 7: http" in run.err
    (body,) = forge.bodies[3:]
    marker, _, text = body.partition("\n")
    assert marker.startswith("<!-- astro-ci:")
    assert "Plan: image and DAGs - <code>production</code>" in text.partition("\n")[0]
    assert "**Merging this will deploy the image and the DAGs.**" in text
    assert stage.project.head[:7] in text
    stage.project.write({"dags/new.py": "new = 1\n"})
    stage.project.commit()
    assert comment(stage, job).code == 0
    (updated,) = forge.bodies[3:]
    assert updated.startswith(marker)
    assert stage.project.head[:7] in updated
    assert forge.bodies[:3] == ["LGTM", None, "+1"]


def test_the_result_takes_the_place_of_the_plan(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    assert comment(stage, job).code == 0
    assert comment(stage, job, "deploy", "--dags").code == 0
    (body,) = forge.bodies
    assert "Deployed: DAGs only" in body


def test_each_deployment_has_a_comment_of_its_own(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    for name in ("production", "development", "production"):
        assert comment(stage, {**job, "ASTRO_CI_DEPLOYMENT_NAME": name}).code == 0
    assert len({body.partition("\n")[0] for body in forge.bodies}) == len(forge.bodies) == 2


def test_several_deployments_of_one_run_share_a_comment(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    entries = "".join(f"  {name}: {{branches: main}}\n" for name in ("production", "development"))
    stage.project.write({"astro-ci.yaml": f"deployments:\n{entries}"})
    stage.project.commit()
    assert comment(stage, {**job, "ASTRO_CI_DEPLOYMENT_NAME": ""}).code == 0
    (body,) = forge.bodies
    for name in ("production", "development"):
        assert f"| {name} | " in body
    assert "Merging this will deploy to 2 of 2 Deployments" in body


def test_a_comment_that_quotes_ours_is_left_alone(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    assert comment(stage, job).code == 0
    quote = "> " + forge.bodies[0]
    forge.comments.insert(0, {"id": 1, "body": quote})
    assert comment(stage, job).code == 0
    assert len(forge.comments) == 2
    assert forge.bodies[0] == quote


def test_somebody_elses_with_our_marker_is_passed_over(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    assert comment(stage, job).code == 0
    forge.comments[0]["id"] = 1
    forge.not_ours.add(1)
    stage.project.write({"dags/new.py": ""})
    stage.project.commit()
    for _ in range(2):
        assert comment(stage, job).code == 0
    assert len(forge.comments) == 2
    assert stage.project.head[:7] in forge.bodies[1]


def test_of_two_runs_at_the_same_moment_one_comment_remains(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    assert comment(stage, job).code == 0
    theirs = {"id": 5, "body": forge.bodies[0].replace(stage.project.head[:7], "theirs")}
    forge.comments.clear()
    forge.after_create = [theirs]
    assert comment(stage, job).code == 0
    (only,) = forge.comments
    assert only["id"] == 5
    assert stage.project.head[:7] in only["body"]


@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        ({"POST": 403}, "403"),
        ({"GET": 404}, "404"),
        ({"GET": 301}, "301"),
        ({"POST": 500}, "500"),
    ],
)
def test_what_is_refused_is_a_warning_and_the_summary_stands(
    stage: Stage, forge: Forge, job: dict[str, str], refuses: dict[str, int], said: str
) -> None:
    forge.refuses = refuses
    summary = stage.project.root.parent / "summary"
    run = comment(stage, {**job, "GITHUB_STEP_SUMMARY": str(summary)})
    assert run.code == 0
    (warning,) = (line for line in run.err.splitlines() if line.startswith("warning: no comment"))
    assert said in warning
    hints = ("pull-requests: write", "GITLAB_TOKEN", "was renamed")
    assert any(hint in warning for hint in hints)
    assert (hints[-1] in warning) is (said == "301")
    assert summary.exists() is ("GITHUB_ACTIONS" in job)
    assert forge.comments == []


def test_a_forge_that_cannot_be_reached(stage: Stage, forge: Forge, job: dict[str, str]) -> None:
    dead = {k: v.replace(forge.url, "http://127.0.0.1:9") for k, v in job.items()}
    run = comment(stage, dead)
    assert run.code == 0
    assert "warning: no comment: 127.0.0.1 could not be reached" in run.err


@pytest.mark.parametrize("name", ["GITHUB_TOKEN", "GITLAB_TOKEN"])
def test_without_a_token(stage: Stage, forge: Forge, name: str) -> None:
    job = forge.github if name == "GITHUB_TOKEN" else forge.gitlab
    run = comment(stage, {**job, name: " "})
    assert run.code == 0
    assert "warning: no comment: there is no token to comment with" in run.err
    assert name in run.err
    assert forge.requests == []


def test_the_token_stays_on_its_host(stage: Stage, forge: Forge, job: dict[str, str]) -> None:
    forge.comments += [{"id": number, "body": "x"} for number in range(5)]
    with serve() as elsewhere:
        forge.next_host = elsewhere.url
        assert comment(stage, job).code == 0
        assert elsewhere.requests == []


def test_a_push_has_nothing_to_comment_on(stage: Stage, forge: Forge) -> None:
    push = {"GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}
    run = comment(stage, {**forge.github, **push, "GITHUB_HEAD_REF": "", "GITHUB_BASE_REF": ""})
    assert run.code == 0
    assert "no comment: this run is not for a pull request" in run.err
    assert forge.requests == []


def test_other_systems_have_none(stage: Stage) -> None:
    run = comment(stage, {"BUILDKITE": "true", "BUILDKITE_PULL_REQUEST": "7"})
    assert run.code == 0
    assert "works on GitHub and GitLab, and the CI system here is Buildkite" in run.err


def test_a_failed_plan_is_commented_too(stage: Stage, forge: Forge, job: dict[str, str]) -> None:
    run = comment(stage, {**job, "ASTRO_CI_DEPLOYMENT_NAME": "nope"})
    assert run.code == 2
    (body,) = forge.bodies
    assert "Plan failed" in body
    assert "**What to do:**" in body


def test_what_strangers_chose_is_no_markup_and_ends_no_marker(
    stage: Stage, forge: Forge, job: dict[str, str]
) -> None:
    name = "--> @octocat <img src=x> `x` /close"
    run = comment(stage, {**job, "ASTRO_CI_DEPLOYMENT_NAME": name})
    assert run.code == 2
    (body,) = forge.bodies
    assert body.count("-->") == 1
    assert "<img" not in body
    assert "@octocat" not in body
    assert not any(line.startswith("/") for line in body.splitlines())
