"""The template files: what GitLab and its linters require, and what our command line offers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from astro_ci import __version__
from astro_ci.ci.systems.gitlab.dialect import DOTENV_VARIABLE, OUTPUT_PREFIX
from astro_ci.commands.build import build
from astro_ci.commands.check import check
from astro_ci.commands.deploy import deploy
from astro_ci.commands.plan import plan
from astro_ci.reporting.outputs import outputs
from astro_ci.reporting.report import Report
from astro_ci.reporting.verb import DEPLOY
from tests.surfaces.gitlab.runner import ROOT, TEMPLATES
from tests.surfaces.gitlab.template import RefusedError, documents, inputs_in, render

COMMANDS = ("build", "check", "deploy", "plan")
EXAMPLES = sorted((ROOT / "examples/gitlab").glob("*.yml"))
# Shortcuts for another option, and what a job cannot use.
NO_INPUT = {"dags", "image", "as_json", "detailed_exitcode", "save", "save_to", "ignore_findings"}
# The job of checks says where the files are, as GitLab takes them from there.
REPORTS = {"sarif", "junit_xml", "code_quality"}
FILES = {"check": "checks"}
VERBS: dict[str, click.Command] = {
    "build": build,
    "check": check,
    "deploy": deploy,
    "plan": plan,
}
# What makes the job, instead of an option of the command in it.
OF_THE_JOB = {"job-prefix", "stage", "rules", "image", "package"}
OF_ONE_JOB = {
    "build": {"builder", "dind-image", "archive", "expire-in"},
    "deploy": {"environment", "builder", "dind-image"},
}
OTHER_NAMES = {"builder": "buildx-builder"}
"""Options whose names are those of other inputs."""
NAMES = {"deployment-id", "workspace-id", "organization-id", "image-name", "push"}
"""Inputs that may be variables, as no `$` can be meant in them."""
_REPORTS = ["ASTRO_CI_CODE_QUALITY", "ASTRO_CI_JUNIT_XML"]
WRITTEN = {
    "build": [*_REPORTS, DOTENV_VARIABLE, "ASTRO_CI_SAVE_IMAGE"],
    "check": _REPORTS,
}
"""The variables by which a job says where files go."""
JOB_KEYWORDS = {
    *("extends", "stage", "image", "services", "inherit", "rules", "environment", "retry"),
    *("resource_group", "interruptible", "variables", "script", "artifacts"),
}
YAMLLINT = "{extends: default, rules: {line-length: {max: 100}, document-start: disable}}"


def template(command: str) -> Path:
    return TEMPLATES / f"{FILES.get(command, command)}.yml"


def options(command: str) -> dict[str, click.Option]:
    """The options of a command by the name of their input."""
    found = {}
    for option in VERBS[command].params:
        assert isinstance(option, click.Option)
        if option.name not in NO_INPUT | REPORTS:
            name = option.opts[0].removeprefix("--")
            found[OTHER_NAMES.get(name, name)] = option
    return found


def job(command: str, **inputs: Any) -> dict[str, Any]:
    """The job of a template; what it extends aside."""
    found: dict[str, Any] = render(template(command), inputs)[f"astro-{command}"]
    return found


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    path = Path(sys.executable).parent / command[0]
    return subprocess.run(
        [str(path), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


def check_schema(document: object, path: Path) -> None:
    path.write_text(json.dumps(document))
    done = tool("check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_has_an_input_and_every_input_an_option(command: str) -> None:
    declared, _ = documents(template(command))
    others = OF_THE_JOB | OF_ONE_JOB.get(command, set())
    assert declared.keys() == options(command).keys() | others


@pytest.mark.parametrize("command", COMMANDS)
def test_inputs_are_described_and_optional_and_used(command: str) -> None:
    declared, jobs = documents(template(command))
    for name, spec in declared.items():
        assert spec["description"].strip().endswith("."), name
        assert len(spec["description"]) < 1024
        assert spec["type"] == ("array" if name == "rules" else "string")
        assert spec.keys() <= {"description", "type", "default", "options", "regex"}
        # Before version 18.1, GitLab lets no pattern match an empty text.
        assert spec["default"] or "regex" not in spec
    assert declared.keys() == set(inputs_in(jobs))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_input_reaches_its_option_as_a_variable(command: str) -> None:
    """Names may be variables; in free text a `$` stays a `$`."""
    declared, jobs = documents(template(command))
    variables = jobs[f"$[[ inputs.job-prefix ]]{command}"]["variables"]
    for name in WRITTEN.get(command, [DOTENV_VARIABLE]):
        assert variables.pop(name)
    assert variables.pop("ASTRO_CI_PACKAGE") == "$[[ inputs.package ]]"
    if "image-name" in declared:
        given = variables.pop("ASTRO_TEMPLATE_IMAGE_NAME")
        assert given == {"value": "$[[ inputs.image-name ]]", "expand": False}
    for name, option in options(command).items():
        names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
        found = variables.pop("ASTRO_CI_BASE" if option.name == "base" else names[0])
        text = f"$[[ inputs.{name} ]]"
        is_free = name not in NAMES | {"force"} and "options" not in declared[name]
        assert found == ({"value": text, "expand": False} if is_free else text)
    assert variables == {}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_run_is_a_constant(command: str) -> None:
    _, jobs = documents(template(command))
    for found in jobs.values():
        assert found.keys() <= JOB_KEYWORDS
        assert inputs_in(found.get("script", [])) == []
    script = jobs[f"$[[ inputs.job-prefix ]]{command}"]["script"]
    assert script[-1].endswith(f" -m astro_ci {command}")


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_but_jobs_of_that_prefix(command: str) -> None:
    """No keyword for the whole pipeline, and no name that another include may have."""
    assert all(
        name.removeprefix(".").startswith("mine/")
        for name in render(template(command), {"job-prefix": "mine/"})
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_it_installs_the_version_that_it_was_written_for(command: str) -> None:
    assert job(command)["variables"]["ASTRO_CI_PACKAGE"] == f"astro-ci=={__version__}"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("builder", ["docker-in-docker", "remote", "none"])
def test_the_schema_holds(command: str, builder: str, tmp_path: Path) -> None:
    given = {"builder": builder} if command in OF_ONE_JOB else {}
    check_schema(render(template(command), given), tmp_path / "jobs.json")
    header = next(yaml.safe_load_all(template(command).read_text()))
    check_schema(header, tmp_path / "header.json")


def test_linters_find_nothing() -> None:
    done = tool("yamllint", "--strict", "-d", YAMLLINT, "gitlab-templates", "examples/gitlab")
    assert done.returncode == 0, done.stdout


def test_the_report_is_where_the_environment_looks() -> None:
    deploy = job("deploy")
    assert deploy["artifacts"]["reports"]["dotenv"] == deploy["variables"][DOTENV_VARIABLE]
    variables = {f"${OUTPUT_PREFIX}{name.upper()}" for name in outputs(Report(verb=DEPLOY))}
    assert deploy["environment"]["url"] in variables


def test_gitlab_takes_the_reports_of_checks_also_when_they_fail() -> None:
    check = job("check")
    variables = check["variables"]
    assert check["artifacts"] == {
        "when": "always",
        "reports": {
            "codequality": variables["ASTRO_CI_CODE_QUALITY"],
            "junit": variables["ASTRO_CI_JUNIT_XML"],
        },
    }


def test_gitlab_keeps_the_image_and_the_reports_of_a_build() -> None:
    build = job("build", archive="etl.tar", **{"expire-in": "2 weeks"})
    variables = build["variables"]
    assert build["artifacts"] == {
        "when": "always",
        "expire_in": "2 weeks",
        "paths": [variables["ASTRO_CI_SAVE_IMAGE"]],
        "reports": {
            "codequality": variables["ASTRO_CI_CODE_QUALITY"],
            "dotenv": variables[DOTENV_VARIABLE],
            "junit": variables["ASTRO_CI_JUNIT_XML"],
        },
    }


def test_deploys_of_one_environment_queue_and_are_not_interrupted() -> None:
    one, other = (job("deploy", environment=name) for name in ("sales/eu", "ml"))
    assert one["environment"]["name"] == "sales/eu"
    assert one["resource_group"] != other["resource_group"]
    assert one["interruptible"] is False
    assert set(one["retry"]["when"]) <= {"runner_system_failure", "scheduler_failure"}


@pytest.mark.parametrize(
    ("command", "prefix"), [("build", ".astro-build-with-"), ("deploy", ".astro-builder-")]
)
def test_the_builders(command: str, prefix: str) -> None:
    jobs = render(template(command))
    dind, remote, none = (
        jobs[f"{prefix}{name}"] for name in ("docker-in-docker", "remote", "none")
    )
    assert jobs[f"astro-{command}"]["extends"] == f"{prefix}docker-in-docker"
    (service,) = dind["services"]
    assert service["name"] == "docker:28-dind"
    host = dind["variables"]["DOCKER_HOST"]
    assert host == f"tcp://{service['alias']}:2376"
    assert dind["variables"]["DOCKER_CERT_PATH"].startswith(dind["variables"]["DOCKER_TLS_CERTDIR"])
    assert remote == none == {"services": []}


@pytest.mark.parametrize(
    "inputs",
    [
        {"deploy-type": "dags"},
        {"builder": "kaniko"},
        {"force": True},
        {"wait": "no"},
        {"rules": "$CI_COMMIT_TAG"},
        {"job-prefix": "'"},
        {"job-prefix": ""},
        {"environment": ""},
    ],
    ids=str,
)
def test_what_gitlab_refuses(inputs: dict[str, Any]) -> None:
    with pytest.raises(RefusedError, match=next(iter(inputs))):
        render(template("deploy"), inputs)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_give_inputs_that_there_are(path: Path, tmp_path: Path) -> None:
    pipeline = yaml.safe_load(path.read_text())
    check_schema(pipeline, tmp_path / "pipeline.json")
    jobs: dict[str, Any] = {}
    for entry in pipeline["include"]:
        made = included(entry)
        assert not made.keys() & jobs.keys(), "each include has names of its own"
        jobs |= made
    check_schema(jobs, tmp_path / "jobs.json")
    groups = [found["resource_group"] for found in jobs.values() if "resource_group" in found]
    assert groups
    assert len(set(groups)) == len(groups)


PAGES = ("README.md", "docs/getting-started.md", "docs/gitlab.md", "docs/installing.md")


@pytest.mark.parametrize("name", PAGES)
def test_the_documentation_includes_what_there_is(name: str) -> None:
    blocks = re.findall(r"^( *)```yaml\n(.*?)^\1```$", (ROOT / name).read_text(), re.M | re.S)
    pipelines = [yaml.safe_load(textwrap.dedent(block)) for _, block in blocks]
    entries = [entry for found in pipelines for entry in found.get("include", ())]
    assert entries
    for entry in entries:
        assert included(entry)


def included(entry: dict[str, Any]) -> dict[str, Any]:
    """The jobs of one entry of `include:`."""
    where = entry.get("remote") or f"/{entry['file']}"
    return render(TEMPLATES / where.rpartition("/gitlab-templates/")[2], entry.get("inputs"))
