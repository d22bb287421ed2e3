"""What can be said of the examples without running them: schemas, linters, queues, pins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from astro_ci import __version__
from tests.e2e.images import unavailable
from tests.surfaces.examples.machine import DEPLOYMENT_ID
from tests.surfaces.examples.system import DEPLOY, EXAMPLES, PLAN, Row, command_line, script_of
from tests.surfaces.examples.systems import SYSTEMS

ROOT = EXAMPLES.parent
README = EXAMPLES / "README.md"
FILES = sorted({file for system in SYSTEMS.values() for file in system.files.values()})
SECRETS = {"ASTRO_API_TOKEN": "a.b.c"}

QUEUES = [row for system in SYSTEMS.values() for row in system.queues]
ONLY_MAIN = [row for system in SYSTEMS.values() for row in system.only_main]
CHECKOUTS = [row for system in SYSTEMS.values() for row in system.checkouts]
SCHEMAS = {f: schema for system in SYSTEMS.values() for f, schema in system.schemas.items()}
# The schema of Azure Pipelines has patterns that Unicode mode rejects, and macros to be read first.
FLAGS = {
    "azure-pipelines": ("--regex-variant", "nonunicode", "--data-transform", "azure-pipelines")
}


def found(file: str, place: tuple[str | int, ...]) -> object:
    """What stands at a place of a YAML file; several documents are a list."""
    documents = list(yaml.safe_load_all((EXAMPLES / file).read_text()))
    value: Any = documents if len(documents) > 1 else documents[0]
    for step in place:
        value = value[step]
    return value


def check(file: str, place: tuple[str | int, ...], value: object) -> None:
    """Hold a file to a row."""
    if place:
        assert found(file, place) == value
    else:
        lines = (EXAMPLES / file).read_text().splitlines()
        assert value in [line.strip() for line in lines]


def ids(rows: list[Row]) -> list[str]:
    return [f"{file}-{'.'.join(map(str, place))}" for file, place, _ in rows]


@pytest.mark.parametrize(("file", "place", "value"), QUEUES, ids=ids(QUEUES))
def test_deploys_wait_for_each_other(
    file: str, place: tuple[str | int, ...], value: object
) -> None:
    check(file, place, value)


@pytest.mark.parametrize(("file", "place", "value"), ONLY_MAIN, ids=ids(ONLY_MAIN))
def test_only_the_main_branch_is_deployed(
    file: str, place: tuple[str | int, ...], value: object
) -> None:
    check(file, place, value)


@pytest.mark.parametrize(("file", "place", "value"), CHECKOUTS, ids=ids(CHECKOUTS))
def test_a_missing_commit_can_be_had(
    file: str, place: tuple[str | int, ...], value: object
) -> None:
    check(file, place, value)


def test_every_example_has_a_queue() -> None:
    assert {file.split("/")[0] for file, _, _ in QUEUES} == SYSTEMS.keys()


@pytest.mark.parametrize(("file", "schema"), SCHEMAS.items(), ids=SCHEMAS)
def test_the_schema_of_its_system(file: str, schema: str, tmp_path: Path) -> None:
    documents = re.split(r"(?m)^---\n", (EXAMPLES / file).read_text())
    checked = []
    for number, text in enumerate(documents):
        if yaml.safe_load(text) is not None:
            one = tmp_path / f"{number}.yaml"
            one.write_text(text)
            checked.append(str(one))
    builtin = ("--builtin-schema", f"vendor.{schema}", *FLAGS.get(schema, ()))
    done = run(sys.executable, "-m", "check_jsonschema", *builtin, *checked)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schemas_refuse_what_is_wrong(tmp_path: Path) -> None:
    broken = tmp_path / "pipeline.yml"
    text = (EXAMPLES / "buildkite" / "pipeline.yml").read_text()
    broken.write_text(text.replace("concurrency: 1", "concurrency: one"))
    builtin = ("--builtin-schema", "vendor.buildkite")
    done = run(sys.executable, "-m", "check_jsonschema", *builtin, str(broken))
    assert "'one' is not of type 'integer'" in done.stdout


@pytest.mark.parametrize("name", ["buildspec.yml", "buildspec-plan.yml"])
def test_the_buildspec(name: str) -> None:
    """There is no schema. Source: CodeBuild's user guide, "Build specification reference"."""
    file = yaml.safe_load((EXAMPLES / "aws-codebuild" / name).read_text())
    assert file.keys() == {"version", "env", "phases"}
    assert file["version"] == 0.2
    assert file["env"].keys() <= {"variables", "parameter-store"}
    assert list(file["phases"]) == ["install", "build"]
    for phase in file["phases"].values():
        assert phase.keys() <= {"runtime-versions", "commands"}
        assert all(isinstance(command, str) for command in phase["commands"])


def test_the_jenkinsfile() -> None:
    """Its braces match, and no step escapes the tests that run them."""
    text = (EXAMPLES / "jenkins" / "Jenkinsfile").read_text()
    code = re.sub(r"(?m)^\s*//.*\n", "", text)
    assert re.findall(r"stage\('(\w+)'\)", code) == ["install", "plan", "deploy"]
    assert code.count("{") == code.count("}")
    steps = {
        process
        for name in (PLAN, DEPLOY)
        for process in SYSTEMS["jenkins"].job(name, SECRETS).processes
    }
    assert len(steps) == len(re.findall(r"\bsh\b", code)) == 4


def scripts() -> Iterator[Any]:
    """The shell in the examples, job by job; and the scripts of this repository."""
    for system_name, system in SYSTEMS.items():
        for job in (PLAN, DEPLOY) if system_name != "shell" else ():
            script = [script_of(process) for process in system.job(job, SECRETS).processes]
            text = "\n".join(text for _, text in script)
            yield pytest.param(script[0][0], text, id=f"{system_name}-{job}")
    for path in (*tracked("*.sh"), ROOT / ".ci" / "run"):
        text = path.read_text()
        shell = "bash" if "bash" in text.split("\n", 1)[0] else "sh"
        yield pytest.param(shell, text, id=path.relative_to(ROOT).as_posix())


def tracked(*patterns: str) -> list[Path]:
    """The repository's files, those that are not committed yet among them."""
    done = run("git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns)
    return [path for name in done.stdout.splitlines() if (path := ROOT / name).exists()]


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True)


@pytest.mark.parametrize(("shell", "text"), list(scripts()))
def test_shellcheck(shell: str, text: str) -> None:
    if shutil.which("shellcheck") is None:
        unavailable("no shellcheck (Debian's package of that name)")
    done = run("shellcheck", "--shell", shell, "-", stdin=text)
    assert done.returncode == 0, done.stdout


def test_yamllint() -> None:
    """Every YAML file of the repository."""
    files = [str(path) for path in tracked("*.yml", "*.yaml")]
    assert any(name.endswith(".drone.yml") for name in files)
    done = run(sys.executable, "-m", "yamllint", "--strict", *files)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES)
def test_what_users_edit_and_what_is_pinned(file: str) -> None:
    """One id to replace; one version, ours, in a virtual environment."""
    text = (EXAMPLES / file).read_text()
    assert DEPLOYMENT_ID in text
    pins = re.findall(r"astro-ci==([\w.]+)|^version=(\S+)", text, re.MULTILINE)
    assert {pin or version for pin, version in pins} == {__version__}
    assert "-m venv" in text


@pytest.mark.parametrize("job", [PLAN, DEPLOY])
@pytest.mark.parametrize("name", SYSTEMS)
def test_the_token_comes_from_the_secret_store(name: str, job: str) -> None:
    """It is in the environment alone: no command line, no script has it."""
    found_job = SYSTEMS[name].job(job, {"ASTRO_API_TOKEN": "the.real.token"})
    assert found_job.env["ASTRO_API_TOKEN"] == "the.real.token"
    assert all("the.real.token" not in command_line(one) for one in found_job.processes)


def test_the_readme_leads_to_every_example() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README.read_text())
    assert links
    for link in links:
        if "://" not in link:
            assert (EXAMPLES / link).exists(), link
    assert {*FILES, "aws-codebuild/codepipeline.yml"} <= {link.removeprefix("./") for link in links}
