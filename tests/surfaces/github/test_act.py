"""Workflows that use our actions, run by a real runner."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.dag_files import a_dag
from tests.repository import Repository
from tests.surfaces.github.runner import ROOT, WORKFLOW, JobRun, Runner, lines_to_write

EXAMPLES = ROOT / "examples/github"
DEPLOY = """\
on: [push, workflow_dispatch, pull_request]
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - uses: astro-ci/astro_ci@v0
        id: deploy
        with:
          deployment-id: ${{ vars.ASTRO_DEPLOYMENT_ID }}
          deploy-type: ${{ vars.TYPE }}
        env:
          ASTRO_API_TOKEN: ${{ secrets.ASTRO_API_TOKEN }}
"""
NEXT_STEP = """\
      - run: echo "got $IT"
        env:
          IT: ${{ toJSON(steps.deploy.outputs) }}
"""
DAGS = {"TYPE": "dags"}
# Shell, GitHub's expressions and commands, YAML, and what is not ASCII.
HOSTILE = "'a' \"b\" `touch x` $(touch x) ${{ 1 }} ::set-output name=a::b ; & | # : \\ é 🎉"


@pytest.fixture
def project(runner: Runner) -> Repository:
    """The repository, with DAGs that run already and a workflow."""
    runner.repository.write({WORKFLOW: DEPLOY})
    runner.repository.commit("first")
    return runner.repository


def readme_workflow() -> str:
    """The first workflow of the README."""
    found = re.search(
        r"```yaml\n(on: .*?uses: astro-ci/.*?)```", (ROOT / "README.md").read_text(), re.S
    )
    assert found
    return found[1]


@pytest.mark.docker
def test_a_newcomer_gets_a_first_deploy(runner: Runner, base: str) -> None:
    workflow = readme_workflow()
    assert lines_to_write(workflow) < 12
    # The stand-in for Astro Runtime has no Airflow.
    workflow = workflow.replace("with: {", "with: {parse: false, ", 1)
    project = runner.repository
    project.write({WORKFLOW: workflow, "Dockerfile": f"FROM {base}\n"})
    project.commit("first")
    run = runner.run(env={"TMPDIR": str(runner.home)})
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("IMAGE_AND_DAG", "DEPLOYED")
    assert runner.astro.deployment("production").image_tag == deploy.image_tag
    assert " Deployed: image and DAGs" in run.summary


@pytest.mark.smoke
def test_a_push_deploys_and_tells_the_next_step(runner: Runner, project: Repository) -> None:
    project.write({WORKFLOW: DEPLOY + NEXT_STEP})
    project.commit()
    run = runner.run(variables=DAGS)
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    outputs = run.outputs("deploy")
    assert outputs["outcome"] == "deployed"
    assert outputs["deploy-type"] == "dags"
    assert outputs["deploy-id"] == deploy.id
    assert outputs["bundle-version"] == deploy.dag_tarball_version
    assert outputs["url"].endswith(f"/deployments/{runner.deployment_id}")
    assert json.loads(outputs["plan"])["deploy_type"] == "dags"
    printed = "\n".join(run.said).partition("got ")[2]
    assert json.loads(printed[: printed.rindex("}") + 1]) == outputs
    assert " Deployed: DAGs only" in run.summary.partition("\n")[0]


def test_a_second_run_skips_and_says_why(runner: Runner, project: Repository) -> None:
    assert runner.run(variables=DAGS).code == 0
    project.write({WORKFLOW: DEPLOY.replace("with:", "with:\n          skip-unchanged: true")})
    project.commit()
    run = runner.run("workflow_dispatch", variables=DAGS)
    assert run.code == 0, run.log
    assert run.outputs("deploy")["outcome"] == "skipped"
    assert len(runner.astro.deploys("production")) == 1
    assert " Skipped" in run.summary.partition("\n")[0]
    assert run.outputs("deploy")["reason"] in " ".join(run.said)


def test_after_a_force_push_what_differs_from_what_runs_is_deployed(
    runner: Runner, project: Repository
) -> None:
    assert runner.run(variables=DAGS).code == 0
    gone = project.head
    project.git("reset", "--hard", "--quiet", "HEAD~1")
    project.write({WORKFLOW: DEPLOY, "dags/new.py": "new = 1\n"})
    pushed = project.commit("rewritten")
    run = runner.run(
        payload={"before": gone, "after": pushed, "forced": True, "ref": "refs/heads/main"},
        variables=DAGS,
    )
    assert run.code == 0, run.log
    outputs = run.outputs("deploy")
    changed = [change["path"] for change in json.loads(outputs["plan"])["changes"]]
    assert (outputs["outcome"], outputs["base-sha"]) == ("deployed", gone)
    assert changed == ["dags/new.py"]


def pull_request(head: str, base: str, *, fork: bool) -> dict[str, Any]:
    """The event of an opened pull request."""
    upstream, origin = "acme/airflow", "mallory/airflow" if fork else "acme/airflow"
    return {
        "action": "opened",
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": {"ref": "topic", "sha": head, "repo": {"full_name": origin, "fork": fork}},
            "base": {"ref": "main", "sha": base, "repo": {"full_name": upstream}},
        },
        "repository": {"full_name": upstream},
    }


@pytest.mark.parametrize("fork", [False, True])
def test_a_pull_request_gets_a_plan(runner: Runner, fork: bool) -> None:
    project = runner.repository
    project.write({WORKFLOW: (EXAMPLES / "plan-on-pull-request.yml").read_text()})
    base = project.commit("base")
    project.git("switch", "--quiet", "--create", "topic")
    project.write({"dags/new.py": "new = 1\n", "requirements.txt": "x\n"})
    head = project.commit("topic")
    run = runner.run(
        "pull_request",
        payload=pull_request(head, base, fork=fork),
        secrets={} if fork else None,
        variables={"ASTRO_DEPLOYMENT_ID": ""} if fork else None,
    )
    assert run.code == 0, run.log
    assert runner.astro.deploys("production") == []
    assert " Plan: image and DAGs" in run.summary.partition("\n")[0]
    for name in ("dags/new.py", "requirements.txt"):
        assert (f"<code>{name}</code>" in run.summary) is fork
    assert ("Assumed:" in run.summary) is fork
    # There is no token to comment with, in a fork's or in act's: a warning, and the plan stands.
    assert "no token to comment with" in run.log


def test_what_an_input_holds_arrives_as_text(runner: Runner, project: Repository) -> None:
    text = f"{HOSTILE}"
    with_input = DEPLOY.replace("with:", "with:\n          description: ${{ vars.TEXT }}")
    project.write({WORKFLOW: with_input})
    project.commit()
    run = runner.run(variables={**DAGS, "TEXT": text})
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert deploy.description.startswith(text)
    assert not list(runner.home.rglob("x"))


def test_inputs_of_several_lines(runner: Runner, project: Repository) -> None:
    globs = "include/**\n  'quoted $(x)' \n\n\"`x`\"\n"
    block = "".join(f"            {line}\n" for line in globs.splitlines())
    project.write({WORKFLOW: DEPLOY.replace("with:", f"with:\n          ignore: |\n{block}")})
    project.commit()
    assert runner.run(variables=DAGS).code == 0
    project.write({"include/q.sql": "select 2\n"})
    project.commit()
    run = runner.run(variables=DAGS)
    (change,) = json.loads(run.outputs("deploy")["plan"])["changes"]
    assert (change["path"], change["affects"]) == ("include/q.sql", "nothing")


def test_a_failure_is_red_and_says_what_to_do(runner: Runner, project: Repository) -> None:
    run = runner.run(secrets={})
    assert run.code != 0
    errors = [line["arg"] for line in run.lines if line.get("command") == "error"]
    assert any("ASTRO_API_TOKEN" in text for text in errors), run.log
    assert run.outputs("deploy")["outcome"] == "failed"
    assert " Deploy failed" in run.summary.partition("\n")[0]
    assert "Settings" in run.summary


def test_a_variable_of_the_job_stands_where_no_input_is_given(
    runner: Runner, project: Repository
) -> None:
    text = DEPLOY.replace("          deploy-type: ${{ vars.TYPE }}\n", "")
    project.write({WORKFLOW: text + "          ASTRO_CI_TYPE: dags\n"})
    project.commit()
    run = runner.run()
    assert run.outputs("deploy")["deploy-type"] == "dags", run.log


def test_no_secret_is_shown(runner: Runner, project: Repository) -> None:
    run = runner.run(variables=DAGS)
    shown = "\n".join(run.said)
    assert runner.astro.token not in shown
    assert "sig=" not in shown


@pytest.mark.parametrize("name", ["single-branch", "dev-and-prod"])
def test_the_examples_for_one_project(runner: Runner, name: str) -> None:
    project = runner.repository
    project.write({WORKFLOW: (EXAMPLES / f"{name}.yml").read_text()})
    project.commit()
    run = runner.run(env={"ASTRO_CI_TYPE": "dags"})
    assert run.code == 0, run.log
    assert run.outputs("deploy")["outcome"] == "deployed"


def test_the_example_for_several_projects(tmp_path: Path, runner: Runner) -> None:
    file = (EXAMPLES / "monorepo.astro-ci.yaml").read_text()
    names = {"sales-production": "production", "sales-development": "classic"}
    for theirs, ours in {**names, "ml-production": "development"}.items():
        assert f"{theirs}:" in file
        file = file.replace(f"{theirs}:", f"{ours}:")
    files = {
        f"teams/{team}/{name}": text
        for team in ("sales", "ml")
        for name, text in {
            "Dockerfile": "FROM scratch\n",
            "dags/a.py": f"# {team}\n",
        }.items()
    }
    project = Repository.create(
        tmp_path / "monorepo",
        {
            **files,
            "astro-ci.yaml": file,
            WORKFLOW: (EXAMPLES / "monorepo.yml").read_text(),
        },
    )
    run = replace(runner, repository=project).run(env={"ASTRO_CI_TYPE": "dags"})
    assert run.code == 0, run.log
    deployed = [
        len(runner.astro.deploys(name)) for name in ("production", "classic", "development")
    ]
    assert deployed == [1, 0, 1]


CHECK = """\
name: Check
on: pull_request
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - uses: astro-ci/astro_ci/actions/check@v0
        with:
          python: ${{ vars.PYTHON }}
          pytest: false
          sarif: ${{ vars.SARIF }}
"""


def errors_of(run: JobRun) -> list[tuple[dict[str, str], str]]:
    """The properties and the text of the workflow commands for errors."""
    found = [line for line in run.lines if line.get("command") == "error"]
    return [(line["kvPairs"], line["arg"]) for line in found]


@pytest.mark.smoke
def test_a_pull_request_shows_an_import_error_on_its_line(
    runner: Runner, airflow_3: Path, tmp_path: Path
) -> None:
    project = runner.repository
    project.write({WORKFLOW: CHECK})
    base = project.commit("base")
    project.git("switch", "--quiet", "--create", "topic")
    project.write({"dags/bad.py": a_dag("bad", "import nowhere_to_be_found\n")})
    head = project.commit("topic")
    run = runner.run(
        "pull_request",
        payload=pull_request(head, base, fork=True),
        secrets={},
        variables={"PYTHON": str(airflow_3), "SARIF": str(tmp_path / "found.sarif")},
    )
    assert run.code != 0
    properties, text = errors_of(run)[0]
    assert properties == {
        "file": "dags/bad.py",
        "line": "4",
        "title": "The file cannot be imported (dag-import)",
    }
    message = "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    assert text.startswith(f"Airflow cannot import the file: {message}\n")
    (log,) = json.loads((tmp_path / "found.sarif").read_text())["runs"]
    assert "dag-import" in [result["ruleId"] for result in log["results"]]


def test_the_plan_of_a_pull_request_shows_what_the_static_check_finds(runner: Runner) -> None:
    project = runner.repository
    project.write({WORKFLOW: (EXAMPLES / "plan-on-pull-request.yml").read_text()})
    base = project.commit("base")
    project.git("switch", "--quiet", "--create", "topic")
    project.write({"dags/bad.py": "from airflow import DAG\ndef x(:\n"})
    head = project.commit("topic")
    run = runner.run("pull_request", payload=pull_request(head, base, fork=False))
    assert run.code == 0, run.log
    (properties, text), *_ = errors_of(run)
    assert (properties["file"], properties["line"]) == ("dags/bad.py", "2")
    assert properties["title"] == "The file is not valid Python (dag-syntax)"
    assert text.startswith("invalid syntax")
