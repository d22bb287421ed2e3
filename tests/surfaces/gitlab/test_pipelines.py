"""Pipelines that include our templates, run by a real runner."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.dag_files import a_dag
from tests.repository import Repository
from tests.surfaces.gitlab.runner import PIPELINE, ROOT, TEMPLATES, Runner
from tests.unit.reporting.checks.schemas import CODE_QUALITY, validate

# Shell, GitLab's interpolation and GitHub's commands, YAML, and what is not ASCII.
HOSTILE = (
    "'a' \"b\" `touch x` $(touch x) $HOME ${HOME} $$ %HOME% \\0 \\1 \\\\ $[[ inputs.stage ]] "
    "::set-output name=a::b ; & | # : {{ }} [x] é 🎉"
)
GLOBS = "include/**\n'quoted $(touch x)'\n\"`touch x`\"\n- item: x\n"
DAGS = {"builder": "none", "type": "dags"}


def included(template: str, runner: Runner, **inputs: str) -> dict[str, object]:
    """One entry of `include:`; it installs our package instead of a published one."""
    given = {"package": str(runner.wheel), **(DAGS if template == "deploy" else {}), **inputs}
    return {
        "local": f"ci/{template}.yml",
        "inputs": {name.replace("_", "-"): value for name, value in given.items()},
    }


def pipeline(*includes: dict[str, object], **rest: object) -> str:
    """A pipeline of includes."""
    return yaml.safe_dump({"include": list(includes), **rest}, allow_unicode=True)


@pytest.fixture
def project(runner: Runner) -> Repository:
    """A repository that deploys its DAGs from the default branch."""
    runner.repository.write({PIPELINE: pipeline(included("deploy", runner))})
    runner.repository.commit("first")
    return runner.repository


@pytest.fixture
def server() -> Iterator[str]:
    """The URL of our templates, as another host offers them."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(TEMPLATES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def readme_pipeline() -> str:
    """The pipeline of the README."""
    (found,) = re.findall(r"```yaml\n(include:.*?)```", (ROOT / "README.md").read_text(), re.S)
    return str(found)


@pytest.mark.docker
def test_a_newcomer_gets_a_first_deploy(
    runner: Runner, base: str, server: str, tmp_path: Path
) -> None:
    """An empty repository, a project and the README's pipeline; the runner has an engine."""
    text = readme_pipeline()
    parsed = yaml.safe_load(text)
    (entry,) = parsed["include"]
    entry["remote"] = re.sub(r"^https://.*/gitlab-templates", server, entry["remote"])
    entry.setdefault("inputs", {}).update(
        builder="remote", parse="false", package=str(runner.wheel)
    )
    files = {"Dockerfile": f"FROM {base}\n", "dags/a.py": "a = 1\n", "requirements.txt": ""}
    files |= {"packages.txt": "", ".dockerignore": ".git\n", PIPELINE: yaml.safe_dump(parsed)}
    runner.repository = Repository.create(tmp_path / "newcomer", files)
    run = runner.run()
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert (deploy.type, deploy.status) == ("IMAGE_AND_DAG", "DEPLOYED")
    assert runner.astro.deployment("production").image_tag == deploy.image_tag
    assert run.outputs("astro-deploy")["IMAGE_TAG"] == deploy.image_tag


@pytest.mark.docker
def test_dags_are_deployed_without_an_engine_and_the_image_is_not(
    runner: Runner, base: str
) -> None:
    project = runner.repository
    auto = {"type": "auto", "builder": "remote", "parse": "false"}
    project.write({"Dockerfile": f"FROM {base}\n"})
    project.write({PIPELINE: pipeline(included("deploy", runner, **auto))})
    project.commit()
    assert runner.run().code == 0
    nowhere = {"DOCKER_HOST": "unix:///nonexistent.sock"}
    without = pipeline(included("deploy", runner, type="auto"))
    project.write({PIPELINE: without, "dags/a.py": "a = 2\n"})
    project.commit()
    run = runner.run(variables=nowhere)
    assert run.code == 0, run.log
    assert run.outputs("astro-deploy")["DEPLOY_TYPE"] == "dags"
    project.write({"requirements.txt": "pandas\n", "dags/a.py": "a = 3\n"})
    project.commit()
    run = runner.run(variables=nowhere)
    assert run.code != 0
    assert "no Docker Engine answers" in run.log
    assert len(runner.astro.deploys("production")) == 2


@pytest.mark.smoke
def test_a_push_to_the_default_branch_deploys(runner: Runner, project: Repository) -> None:
    run = runner.run()
    assert run.code == 0, run.log
    assert run.passed == ["astro-deploy"]
    (deploy,) = runner.astro.deploys("production")
    assert deploy.status == "DEPLOYED"
    outputs = run.outputs("astro-deploy")
    assert outputs["OUTCOME"] == "deployed"
    assert outputs["DEPLOY_TYPE"] == "dags"
    assert outputs["DEPLOY_ID"] == deploy.id
    assert outputs["BUNDLE_VERSION"] == deploy.dag_tarball_version
    checkout = Repository(run.state / "builds/astro-deploy")
    assert checkout.git("status", "--porcelain") == "?? astro-ci.env"


def test_a_name_of_an_image_that_is_empty_is_no_build(runner: Runner) -> None:
    """As it is where the job that sets the variable is missing in `needs`."""
    project = runner.repository
    named = included("deploy", runner, image_name="$ASTRO_RESULT_IMAGE")
    project.write({PIPELINE: pipeline(named, variables={"ASTRO_RESULT_IMAGE": ""})})
    project.commit("deploys what another job built")
    run = runner.run()
    assert run.code != 0
    assert "error: image-name is $ASTRO_RESULT_IMAGE, which is empty in this job." in run.log
    assert runner.astro.deploys("production") == []


def test_the_environment_gets_its_url_from_the_report(runner: Runner, project: Repository) -> None:
    run = runner.run()
    job = run.expanded()["astro-deploy"]
    variable = job["environment"]["url"].removeprefix("$ASTRO_RESULT_")
    url = run.outputs("astro-deploy")[variable]
    assert url.endswith(f"/deployments/{runner.deployment_id}")
    assert job["artifacts"]["reports"]["dotenv"] == job["variables"]["ASTRO_CI_DOTENV"]


def test_later_jobs_know_how_it_went(runner: Runner, project: Repository) -> None:
    job = {"stage": "deploy", "needs": ["astro-deploy"], "script": ["echo got $ASTRO_RESULT_URL"]}
    project.write({PIPELINE: pipeline(included("deploy", runner), tell=job)})
    project.commit()
    run = runner.run()
    assert run.passed == ["astro-deploy", "tell"], run.log
    assert f"got {run.outputs('astro-deploy')['URL']}" in run.said("tell")


def test_another_branch_deploys_nothing(runner: Runner, project: Repository) -> None:
    project.git("switch", "--quiet", "--create", "feature")
    run = runner.run()
    assert (run.code, run.passed) == (0, []), run.log
    assert runner.astro.deploys("production") == []


def test_a_second_run_skips_and_says_why(runner: Runner, project: Repository) -> None:
    assert runner.run().code == 0
    again = included("deploy", runner, skip_unchanged="true")
    project.write({PIPELINE: pipeline(again), "README.md": "more\n"})
    project.commit()
    run = runner.run()
    assert run.code == 0, run.log
    assert len(runner.astro.deploys("production")) == 1
    outputs = run.outputs("astro-deploy")
    assert outputs["OUTCOME"] == "skipped"
    assert outputs["REASON"] in run.said("astro-deploy")


@pytest.mark.smoke
def test_a_failure_is_red_and_says_what_to_do(runner: Runner, project: Repository) -> None:
    run = runner.run(token=False)
    assert run.code != 0
    assert run.passed == []
    assert "Settings > CI/CD > Variables" in run.log
    # GitLab takes the report of a failed job, too; gitlab-ci-local leaves it where it is.
    report = run.state / "builds/astro-deploy" / "astro-ci.env"
    assert "ASTRO_RESULT_OUTCOME=failed" in report.read_text().splitlines()


@pytest.mark.parametrize("token", [False, True])
def test_a_merge_request_gets_a_plan(runner: Runner, token: bool) -> None:
    project = runner.repository
    plan = included("plan", runner, comment="true")
    project.write({PIPELINE: pipeline(included("deploy", runner), plan)})
    project.commit()
    project.git("switch", "--quiet", "--create", "feature")
    project.write({"dags/new.py": "new = 1\n", "requirements.txt": "pandas\n"})
    project.commit()
    run = runner.run_merge_request(token=token)
    assert run.code == 0, run.log
    assert run.passed == ["astro-plan"]
    assert runner.astro.deploys("production") == []
    assert run.outputs("astro-plan")["DEPLOY_TYPE"] == "image-and-dags"
    assert "no token to comment with" in run.log, "a warning, and the plan stands"
    if not token:  # then the merge request itself says what changed
        assert "requirements.txt" in run.said("astro-plan")
        assert run.outputs("astro-plan")["BASE_SHA"] == project.git("rev-parse", "main")


def test_two_includes_of_a_template_in_one_pipeline(runner: Runner) -> None:
    other = runner.astro.deployment("development").id
    runner.variables["OTHER_DEPLOYMENT_ID"] = other
    text = pipeline(
        included("deploy", runner),
        included(
            "deploy",
            runner,
            job_prefix="dev-",
            environment="development",
            deployment_id="$OTHER_DEPLOYMENT_ID",
            stage="test",
            description="the second",
        ),
    )
    runner.repository.write({PIPELINE: text})
    runner.repository.commit()
    run = runner.run()
    assert run.passed == ["astro-deploy", "dev-deploy"], run.log
    (deploy,) = runner.astro.deploys("development")
    assert deploy.description.startswith("the second")
    assert len(runner.astro.deploys("production")) == 1
    jobs = run.expanded()
    groups = {name: jobs[name]["resource_group"] for name in run.passed}
    assert groups == {"astro-deploy": "astro-production", "dev-deploy": "astro-development"}


def test_what_an_input_holds_arrives_as_text(runner: Runner) -> None:
    text = pipeline(included("deploy", runner, description=HOSTILE))
    runner.repository.write({PIPELINE: text})
    runner.repository.commit()
    run = runner.run()
    assert run.code == 0, run.log
    (deploy,) = runner.astro.deploys("production")
    assert deploy.description.startswith(HOSTILE)
    assert not [path for path in runner.home.rglob("x") if path.name == "x"]


def test_a_directory_of_any_name(runner: Runner) -> None:
    name = 'it\'s "$HOME" `touch x` $(touch x) é'
    files = {f"{name}/Dockerfile": "FROM scratch\n", f"{name}/dags/a.py": "a = 1\n"}
    runner.repository.write({**files, PIPELINE: pipeline(included("deploy", runner, project=name))})
    runner.repository.commit()
    run = runner.run()
    assert run.code == 0, run.log
    assert runner.running_dags() == {"dags", "dags/a.py"}


def test_inputs_of_several_lines(runner: Runner, project: Repository) -> None:
    assert runner.run().code == 0
    given = included("plan", runner, ignore=GLOBS, rules="", type="dags")
    project.write({"include/q.sql": "select 2\n"})
    project.commit()
    rules = [{"if": "$CI_COMMIT_BRANCH"}]
    given["inputs"]["rules"] = rules  # type: ignore[index]
    project.write({PIPELINE: pipeline(given)})
    project.commit()
    run = runner.run()
    assert run.code == 0, run.log
    (line,) = [line for line in run.said("astro-plan").splitlines() if "include/q.sql" in line]
    assert "ignore" in line
    assert not [path for path in runner.home.rglob("x") if path.name == "x"]


def test_the_pipelines_defaults_are_for_other_jobs(runner: Runner) -> None:
    default = {"before_script": ["echo not here", "exit 1"], "cache": {"paths": ["node_modules"]}}
    text = pipeline(included("deploy", runner), default=default)
    runner.repository.write({PIPELINE: text})
    runner.repository.commit()
    run = runner.run()
    assert run.passed == ["astro-deploy"], run.log


def test_a_job_can_be_prepared(runner: Runner) -> None:
    """A pipeline may add to the job; what it writes there is deployed."""
    text = pipeline(
        included("deploy", runner),
        **{"astro-deploy": {"before_script": ["echo 'x = 1' > dags/made.py"]}},
    )
    runner.repository.write({PIPELINE: text})
    runner.repository.commit()
    run = runner.run()
    assert run.passed == ["astro-deploy"], run.log
    assert "dags/made.py" in runner.running_dags()


def test_no_module_of_the_checkout_comes_first(runner: Runner, project: Repository) -> None:
    names = ("click", "requests", "pip", "logging", "astro_ci", "sitecustomize")
    project.write({f"{name}.py": "raise SystemExit('the wrong one')\n" for name in names})
    project.commit()
    run = runner.run()
    assert run.passed == ["astro-deploy"], run.log


def test_what_pip_is_told_for_the_project_is_not_for_us(
    runner: Runner, project: Repository, tmp_path: Path
) -> None:
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("click==0.1\n")
    told = {"CONSTRAINT": str(constraints), "USER": "true", "REQUIRE_VIRTUALENV": "true"}
    told |= {name: "/nonexistent" for name in ("PREFIX", "REQUIREMENT", "TARGET", "ROOT")}
    told |= {"DRY_RUN": "1"}
    run = runner.run(variables={f"PIP_{name}": value for name, value in told.items()})
    assert run.passed == ["astro-deploy"], run.log


def test_no_secret_is_shown(runner: Runner, project: Repository) -> None:
    run = runner.run()
    assert runner.astro.token not in run.log
    assert "sig=" not in run.log


EXAMPLES = sorted((ROOT / "examples/gitlab").glob("*.yml"))
BUILDING = "build-once"
"""The example that needs an engine: tests/surfaces/gitlab/test_several_jobs.py runs it."""


@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path.stem != BUILDING], ids=lambda path: path.stem
)
def test_the_examples(runner: Runner, path: Path) -> None:
    """Each as it stands, but for where templates and package come from, and without Docker."""
    text = yaml.safe_load(path.read_text())
    for entry in text["include"]:
        name = entry.pop("remote").rpartition("/")[2]
        mine = included(name.removesuffix(".yml"), runner, **entry.get("inputs", {}))
        entry |= mine
    production, development = (
        runner.astro.deployment(name).id for name in ("production", "development")
    )
    ids = {"SALES_DEPLOYMENT_ID": production, "ML_DEPLOYMENT_ID": development}
    files = {
        f"teams/{team}/{name}": text
        for team in ("sales", "ml")
        for name, text in {"Dockerfile": "FROM scratch\n", "dags/a.py": f"# {team}\n"}.items()
    }
    runner.repository.write({**files, PIPELINE: yaml.safe_dump(text)})
    runner.repository.commit()
    run = runner.run(variables=ids)
    assert run.code == 0, run.log
    deployed = [len(runner.astro.deploys(name)) for name in ("production", "development")]
    assert deployed == ([1, 1] if path.stem == "monorepo" else [1, 0])
    if path.stem != "monorepo":
        assert len(run.passed) == 1


def test_checks_hand_their_reports_to_gitlab(runner: Runner, airflow_3: Path) -> None:
    project = runner.repository
    entry = included("checks", runner, python=str(airflow_3), pytest="false")
    project.write(
        {
            PIPELINE: pipeline(entry),
            "dags/bad.py": a_dag("bad", "import nowhere_to_be_found\n"),
        }
    )
    project.commit()
    run = runner.run_merge_request(token=False)
    assert run.code != 0
    # This runner collects no report of a job that failed; they are where the job says.
    reports = run.expanded()["astro-check"]["artifacts"]["reports"]
    built = run.state / "builds" / "astro-check"
    quality, junit = built / reports["codequality"], built / reports["junit"]
    entries = json.loads(quality.read_text())
    validate(entries, CODE_QUALITY)
    places = [(entry["check_name"], entry["location"]) for entry in entries]
    assert ("dag-import", {"path": "dags/bad.py", "lines": {"begin": 4}}) in places
    suites = ElementTree.parse(junit).getroot()  # noqa: S314 - ours
    failures = {suite.get("name"): suite.get("failures") for suite in suites}
    assert failures == {"static": "0", "parse": "1"}
