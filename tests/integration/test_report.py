"""What a run tells its CI system: the outputs for later steps, and the summary for people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from astro_ci.reporting.outputs import LONGEST_OUTPUT
from astro_ci.sandbox import Sandbox
from tests.integration.stage import FILES, Run, Stage
from tests.repository import Repository

OUTPUTS = {"outcome", "deploy-type", "reason", "deploy-id", "image-tag", "bundle-version"}
OUTPUTS |= {"base-sha", "url", "plan"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with Sandbox(rollout_seconds=0.05) as astro:
        yield Stage(astro, Repository.create(tmp_path / "project", FILES))


class Job:
    """A step of a job on GitHub."""

    def __init__(self, stage: Stage, *arguments: str, **env: str) -> None:
        directory = stage.project.root.parent
        output, summary = directory / "output", directory / "summary"
        for file in (output, summary):
            file.write_text("")
        self.run: Run = stage.command(
            *arguments,
            env={
                **stage.env,
                "GITHUB_ACTIONS": "true",
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(summary),
                **env,
            },
        )
        self.summary = summary.read_text()
        self.outputs = _parse(output.read_text())


def _parse(text: str) -> dict[str, str]:
    """Read GitHub's file of outputs as the runner does."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        name, is_block, delimiter = line.partition("<<")
        if is_block:
            assert name not in found, f"{name} is written twice"
            value = iter(lambda end=delimiter: next(lines), delimiter)  # type: ignore[misc]
            found[name] = "\n".join(value)
    return found


def test_a_plan(stage: Stage) -> None:
    job = Job(stage, "plan")
    assert job.run.code == 0
    assert job.outputs.keys() == {"deploy-type", "reason", "base-sha", "plan"}
    assert job.outputs["deploy-type"] == "image-and-dags"
    assert json.loads(job.outputs["plan"]) == stage.command("plan", "--json").document
    assert "Plan: image and DAGs - <code>production</code>: " in job.summary.partition("\n")[0]


def test_a_deploy(stage: Stage) -> None:
    job = Job(stage, "deploy", "--dags")
    (deploy,) = stage.astro.deploys("production")
    assert job.outputs.keys() == OUTPUTS
    assert job.outputs["deploy-id"] == deploy.id
    assert (job.outputs["image-tag"], job.outputs["base-sha"]) == ("", "")
    for text in ("Deployed: DAGs only", deploy.id, deploy.dag_tarball_version, "Airflow"):
        assert text in job.summary


def test_json_does_not_keep_the_job_from_being_told(stage: Stage) -> None:
    job = Job(stage, "deploy", "--dags", "--json")
    assert job.run.document["outcome"] == job.outputs["outcome"] == "deployed"
    assert " Deployed: " in job.summary


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("deploy", "--deployment-id", "clnope"), "Deploy failed\n"),
        (("deploy", "--bogus"), "Deploy failed\n"),
        (("plan", "--project", "nope"), "Plan failed\n"),
    ],
)
def test_a_failure_before_there_is_a_plan(
    stage: Stage, arguments: tuple[str, ...], said: str
) -> None:
    job = Job(stage, *arguments, ASTRO_CI_DEPLOYMENT_NAME="")
    assert job.run.code != 0
    assert job.summary.partition(" ")[2].partition(" ")[2].startswith(said)
    assert "**What to do:**" in job.summary
    assert job.outputs["deploy-type"] == ""
    assert json.loads(job.outputs["plan"])["error"]["message"] == job.outputs["reason"]
    assert job.outputs.get("outcome", "failed") == "failed"


def test_a_failure_half_way_keeps_the_plan(stage: Stage) -> None:
    stage.astro.fail_next_deploy("production")
    job = Job(stage, "deploy", "--dags")
    (deploy,) = stage.astro.deploys("production")
    assert job.run.code == 7
    assert (job.outputs["outcome"], job.outputs["deploy-type"]) == ("failed", "dags")
    assert job.outputs["deploy-id"] == deploy.id
    assert job.outputs["url"].startswith(stage.astro.api_url)
    assert "Deploy failed - <code>production</code>" in job.summary
    assert deploy.id in job.summary


def test_several_deployments(stage: Stage) -> None:
    entries = "".join(
        f"  {name}: {{branches: main, type: dags}}\n" for name in ("production", "classic")
    )
    stage.project.write({"astro-ci.yaml": f"deployments:\n{entries}"})
    stage.project.commit()
    job = Job(stage, "deploy", ASTRO_CI_DEPLOYMENT_NAME="")
    assert job.run.code != 0  # DAG-only deploys are disabled for the second
    assert (job.outputs["outcome"], job.outputs["deploy-type"]) == ("failed", "dags")
    assert job.outputs["deploy-id"] == stage.astro.deploys("production")[0].id
    assert "Deployed: DAGs only - <code>production</code>" in job.summary
    assert "Deploy failed - <code>classic</code>" in job.summary
    plans = json.loads(job.outputs["plan"])["deployments"]
    assert [plan["target"] for plan in plans] == ["production", "classic"]


def test_the_url_is_one_that_an_environment_can_have(stage: Stage) -> None:
    names = ("production", "development")
    entries = "".join(f"  {name}: {{branches: main, type: dags}}\n" for name in names)
    stage.project.write({"astro-ci.yaml": f"deployments:\n{entries}"})
    stage.project.commit()
    job = Job(stage, "deploy", ASTRO_CI_DEPLOYMENT_NAME="")
    assert job.run.code == 0
    assert job.outputs["deploy-id"].count(",") == 1
    assert job.outputs["url"].count("://") == 1


def test_when_no_deployment_is_meant(stage: Stage) -> None:
    stage.project.write({"astro-ci.yaml": "deployments:\n  production: {branches: release}\n"})
    stage.project.commit()
    job = Job(stage, "deploy", ASTRO_CI_DEPLOYMENT_NAME="")
    assert job.run.code == 0
    assert (job.outputs["outcome"], job.outputs["deploy-type"]) == ("skipped", "none")
    assert job.summary.partition("\n")[0].endswith(" Skipped")
    assert "main" in job.outputs["reason"]


def test_a_plan_that_is_too_long_for_a_variable_is_cut_and_says_so(stage: Stage) -> None:
    assert stage.command("deploy", "--dags").code == 0
    names = [f"dags/{number:05}_{'x' * 40}.py" for number in range(2000)]
    stage.project.write(dict.fromkeys(names, ""))
    stage.project.commit()
    job = Job(stage, "plan")
    assert len(job.outputs["plan"]) <= LONGEST_OUTPUT
    document = json.loads(job.outputs["plan"])
    assert len(document["changes"]) + document["changes_omitted"] == len(names)
    assert "**DAGs:** 2000 changes" in job.summary
    assert "... and 1950 more" in job.summary


def test_names_that_strangers_chose_stay_text(stage: Stage) -> None:
    assert stage.command("deploy", "--dags").code == 0
    names = ["dags/::set-output name=outcome::deployed.py", "dags/a\n::error::b.py"]
    names += ["dags/x|<img src=x>`.py", "dags/EOF\nastro_ci_0\noutcome<<x.py"]
    for name in names:
        path = stage.project.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    stage.project.commit("::add-mask::a\n\n::set-output name=outcome::deployed")
    job = Job(stage, "plan")
    assert job.outputs.keys() == {"deploy-type", "reason", "base-sha", "plan"}
    assert [c["path"] for c in json.loads(job.outputs["plan"])["changes"]] == sorted(names)
    assert not any(line.startswith("::") for line in job.run.err.splitlines())
    assert not any(line.startswith("::") for line in job.run.out.splitlines())
    assert "<img" not in job.summary


def test_gitlab_hands_over_one_line_each(stage: Stage, tmp_path: Path) -> None:
    dotenv = tmp_path / "dotenv"
    run = stage.command(
        *("deploy", "--dags"),
        env={**stage.env, "GITLAB_CI": "true", "ASTRO_CI_DOTENV": str(dotenv)},
    )
    assert run.code == 0
    assert "warning" not in run.err
    found = dict(line.split("=", 1) for line in dotenv.read_text().splitlines())
    prefix = "ASTRO_RESULT_"
    assert found.keys() == {
        f"{prefix}{name.upper().replace('-', '_')}" for name in OUTPUTS - {"plan"}
    }
    assert found[f"{prefix}OUTCOME"] == "deployed"


@pytest.mark.parametrize("as_json", [False, True])
def test_teamcity_reads_standard_output_unless_that_is_the_document(
    stage: Stage, as_json: bool
) -> None:
    options = ("--json",) if as_json else ()
    run = stage.command("deploy", "--dags", *options, env={**stage.env, "TEAMCITY_VERSION": "2026"})
    assert run.code == 0
    message = "##teamcity[setParameter name='astro_ci.outcome' value='deployed']"
    assert message in (run.err if as_json else run.out).splitlines()
    if as_json:
        assert run.document["outcome"] == "deployed"
