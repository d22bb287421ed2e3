"""Every command of the README and of the documentation runs, or says why it cannot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from astro_ci.sandbox import Sandbox
from tests.deployed import DEPLOYMENT
from tests.repository import Repository
from tests.surfaces.documentation.conftest import Shell
from tests.surfaces.documentation.documents import ROOT, Block, blocks, languages

ALL = blocks("sh")
RUN = [block for block in ALL if not block.reason]
INSTALLERS = ("python -m pip ", "uv tool ", "pipx ", "uvx ")
SERVES = "astro-ci sandbox"
IMAGE = "docker build --tag astro-ci ."
"""Run in test_image.py."""


def of(*prefixes: str) -> list[Block]:
    """The blocks whose first command starts like this."""
    return [block for block in RUN if block.commands[0].startswith(prefixes)]


def is_ours(block: Block) -> bool:
    """Whether a block is for a shell in a project, where the command is installed."""
    first = block.commands[0]
    return not first.startswith((*INSTALLERS, "make ", IMAGE)) and first != SERVES


OURS = [block for block in RUN if is_ours(block)]


def ids(block: Block) -> str:
    return block.name


def test_a_block_says_what_it_is() -> None:
    """A command in a block of no language would be run by no test."""
    assert set(languages()) <= {"sh", "yaml", "text", "python", "json", "{toctree}", "{include}"}


def test_no_command_is_hidden_in_text() -> None:
    assert [
        block.name for block in blocks("text") if re.search(r"^\$? ?astro-ci ", block.text)
    ] == []


def test_what_is_not_run_says_why() -> None:
    reasons = [block.reason for block in ALL if block.reason]
    assert len(reasons) < len(RUN) / 2
    assert all(len(reason) > 20 for reason in reasons)


@pytest.mark.parametrize("block", OURS, ids=ids)
def test_it_runs_in_a_project(
    block: Block, project: Repository, variables: dict[str, str], shell: Shell
) -> None:
    shell(block.text, cwd=project.root, env=variables)


def test_the_deploy_of_the_readme_deploys(
    astro: Sandbox, project: Repository, variables: dict[str, str], shell: Shell
) -> None:
    assert shell("astro-ci deploy", cwd=project.root, env=variables).startswith("deployed: ")
    assert [deploy.type for deploy in astro.deploys(DEPLOYMENT)] == ["DAG_ONLY", "IMAGE_AND_DAG"]


@pytest.mark.parametrize("block", of("make "), ids=ids)
def test_make_knows_its_targets(block: Block, shell: Shell) -> None:
    """`make test` runs this very test; `make demo` has tests of its own."""
    for command in block.commands:
        assert shell(f"{command} --dry-run", cwd=ROOT)


def test_the_demo_installs_only_what_it_needs(shell: Shell, tmp_path: Path) -> None:
    told = shell(f"make demo --dry-run VENV={tmp_path}/venv", cwd=ROOT)
    assert "Nothing else is installed." in told
    assert "'.[sandbox]'" in told
    assert "dev" not in told.replace("/dev/null", "")


def test_the_sandbox_prints_what_points_at_it(
    project: Repository, shell: Shell, tmp_path: Path
) -> None:
    """A shell reads all that it prints, and nothing of that is a command."""
    assert SERVES in [command for block in RUN for command in block.commands]
    env = {**os.environ, "ASTRO_CI_PORT": "0", "ASTRO_CI_ROLLOUT_SECONDS": "0.1"}
    printed = tmp_path / "printed.sh"
    command = [sys.executable, "-m", "astro_ci", "sandbox"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "astro-ci deploy" in line:
                    break
            assert [line for line in lines if not line.startswith(("export ", "#"))] == []
            printed.write_text("".join(lines))
            path = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
            script = f". {printed}; astro-ci deploy --type dags"
            assert shell(script, cwd=project.root, env=path).startswith("deployed: ")
        finally:
            process.terminate()
        assert process.wait(10) == 0
