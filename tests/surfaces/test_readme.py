"""The README says what is true: its commands run, its tables are the code's."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from astro_ci.configuration.choice import Ref, choose
from astro_ci.configuration.file import parse
from astro_ci.sandbox import Sandbox
from tests.repository import Repository

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


CONFIG_FILES = [block for block in blocks("yaml") if block.startswith("# astro-ci.yaml")]
COMMANDS = [line.partition("#")[0].strip() for block in blocks("sh") for line in block.splitlines()]
OURS = [c for c in COMMANDS if c.startswith("astro-ci ") and "sandbox" not in c]


def run(command: str, *, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command as it stands, `python` and `astro-ci` being ours."""
    words = shlex.split(command)
    if words[0] in ("python", "astro-ci"):
        words[0] = str(Path(sys.executable).with_name(words[0]))
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    files = {"Dockerfile": "FROM scratch\n", "dags/a.py": "x = 1\n", "requirements.txt": ""}
    return Repository.create(tmp_path / "project", files).root


@pytest.fixture
def sandbox() -> Iterator[dict[str, str]]:
    with Sandbox(rollout_seconds=0.1) as astro:
        yield {
            "ASTRO_API_URL": astro.api_url,
            "ASTRO_API_TOKEN": astro.token,
            "ASTRO_CI_PARSE": "false",  # no image here has Airflow
            "ASTRO_DEPLOYMENT_ID": str(astro.deployments[0]["id"]),
        }


def test_every_command_has_its_test() -> None:
    kinds = ("make ", "python -m pip install ", "astro-ci ")
    assert COMMANDS
    assert [c for c in COMMANDS if not c.startswith(kinds)] == []


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make")])
def test_make_knows_its_targets(command: str) -> None:
    """`make test` runs this very test; `make demo` has tests of its own."""
    assert run(f"{command} --dry-run", cwd=ROOT)


@pytest.mark.parametrize("command", [c for c in COMMANDS if "pip install" in c])
def test_it_can_be_installed(command: str) -> None:
    assert "Would install" in run(f"{command} --dry-run --no-deps --ignore-installed", cwd=ROOT)


@pytest.mark.parametrize("command", [c for c in OURS if c != "astro-ci deploy"])
def test_commands_that_need_no_docker(command: str, project: Path, sandbox: dict[str, str]) -> None:
    assert run(command, cwd=project, env=sandbox)


@pytest.mark.docker
def test_a_full_deploy(project: Path, sandbox: dict[str, str]) -> None:
    assert "astro-ci deploy" in OURS
    (project / "Dockerfile").write_text(
        "FROM scratch\nLABEL io.astronomer.docker.runtime.version=13.1.0\nCOPY . .\n"
    )
    assert run("astro-ci deploy", cwd=project, env=sandbox).startswith("deployed: ")


def test_the_sandbox_prints_what_points_at_it(project: Path) -> None:
    env = {**os.environ, "ASTRO_CI_PORT": "0", "ASTRO_CI_ROLLOUT_SECONDS": "0.1"}
    command = [sys.executable, "-m", "astro_ci", "sandbox"]
    assert "astro-ci sandbox" in COMMANDS
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "astro-ci deploy" in line:
                    break
            exports = dict(re.findall(r"^export (\w+)=(\S+)", "".join(lines), re.MULTILINE))
            assert exports.keys() == {"ASTRO_API_URL", "ASTRO_API_TOKEN", "ASTRO_DEPLOYMENT_ID"}
            assert run("astro-ci deploy --type dags", cwd=project, env=exports)
        finally:
            process.terminate()
        assert process.wait(10) == 0


def test_the_python_example_runs(tmp_path: Path) -> None:
    (example,) = blocks("python")
    script = tmp_path / "example.py"
    script.write_text(example)
    assert "http://" in run(f"python {script}", cwd=tmp_path)


def test_the_pipelines_are_yaml_that_calls_us() -> None:
    pipelines = [block for block in blocks("yaml") if block not in CONFIG_FILES]
    assert pipelines
    for block in pipelines:
        yaml.safe_load(block)
        assert "uses: astro-ci/astro_ci@" in block or "/gitlab-templates/deploy.yml" in block


def test_the_configuration_file_is_one() -> None:
    """Both the code and the schema take it; its Deployments are chosen as the text says."""
    (example,) = CONFIG_FILES
    assert len(example.splitlines()) < 20
    file = parse(example, path=ROOT / "astro-ci.yaml", name="astro-ci.yaml")
    schema = json.loads((ROOT / "astro_ci" / "astro-ci.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(example), schema)
    chosen = {
        ref: [
            target.entry
            for target in choose(file, {}, ROOT, lambda ref=ref: ref).targets  # type: ignore[misc]
        ]
        for ref in (Ref(branch="main"), Ref(branch="feature/x"), Ref(tag="v1"), Ref(branch="x"))
    }
    assert list(chosen.values()) == [
        ["sales-production"],
        ["sales-development"],
        ["production"],
        [],
    ]


def test_the_tables_are_the_codes_own() -> None:
    done = subprocess.run([sys.executable, ROOT / "tools" / "reference.py", "--check"])
    assert done.returncode == 0, "out of date: run `python tools/reference.py`"
