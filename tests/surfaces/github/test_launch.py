"""How the actions install themselves: from the lock file, beside everything else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from astro_ci import __version__
from tests.surfaces.github.runner import ROOT, path_without_ours


@pytest.fixture
def env(tmp_path: Path, uv_directory: Path, caches: dict[str, str]) -> dict[str, str]:
    """A job's environment, with uv."""
    temporary = tmp_path / "runner temp"
    temporary.mkdir()
    path = f"{path_without_ours()}:{uv_directory}"
    return {**os.environ, **caches, "RUNNER_TEMP": str(temporary), "PATH": path}


def run(
    action: Path, env: Mapping[str, str], *arguments: str, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(action / "actions/run.sh"), *arguments],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_shows_the_time_of_each_phase(action: Path, env: dict[str, str]) -> None:
    done = run(action, env, "--version")
    assert (done.returncode, done.stdout) == (0, f"astro-ci {__version__}\n"), done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == "::group::Set up astro_ci"
    assert lines[-1] == "::endgroup::"
    for line, phase in zip(lines[2:-1], ("environment:", "packages:", "ready after"), strict=True):
        assert re.fullmatch(rf"{phase} \d+\.\d\d s", line)


@pytest.mark.smoke
def test_the_second_step_of_a_job_finds_it_ready(action: Path, env: dict[str, str]) -> None:
    assert run(action, env, "--version").returncode == 0
    (made,) = Path(env["RUNNER_TEMP"]).iterdir()
    before = made.stat().st_mtime_ns
    again = run(action, {**env, "UV_OFFLINE": "1"}, "--version")
    assert (again.returncode, again.stderr) == (0, "")
    assert [*Path(env["RUNNER_TEMP"]).iterdir()] == [made]
    assert made.stat().st_mtime_ns == before


def test_one_that_was_interrupted_is_made_anew(action: Path, env: dict[str, str]) -> None:
    assert run(action, env, "--version").returncode == 0
    (made,) = Path(env["RUNNER_TEMP"]).iterdir()
    (made / "ready").unlink()
    (made / "bin" / "python").unlink()
    assert run(action, env, "--version").returncode == 0


def test_steps_that_run_at_once_share_it(action: Path, env: dict[str, str]) -> None:
    command = [str(action / "actions/run.sh"), "--version"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    steps = [subprocess.Popen(command, env=env, text=True, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    ended = [(step.communicate(), step.returncode) for step in steps]
    assert [(out, code) for (out, _), code in ended] == [(f"astro-ci {__version__}\n", 0)] * 4
    assert len([*Path(env["RUNNER_TEMP"]).iterdir()]) == 1


def test_two_versions_in_one_job_stay_apart(
    action: Path, env: dict[str, str], tmp_path: Path
) -> None:
    other = shutil.copytree(action, tmp_path / "other version")
    init = other / "astro_ci/__init__.py"
    init.write_text(init.read_text().replace(f'"{__version__}"', '"9.9.9"'))
    assert run(action, env, "--version").stdout == f"astro-ci {__version__}\n"
    assert run(other, env, "--version").stdout == "astro-ci 9.9.9\n"


@pytest.mark.parametrize("where", ["variable", "file"])
def test_pip_does_when_there_is_no_uv(
    action: Path, env: dict[str, str], tmp_path: Path, where: str
) -> None:
    meddling = {"target": "/nonexistent", "prefix": "/nonexistent"} if where == "variable" else {}
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("click==0.1\n")
    meddling |= {"user": "1", "require-virtualenv": "1", "constraint": str(constraints)}
    file = tmp_path / "pip.conf"
    file.write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in meddling.items()))
    variables = {f"PIP_{key.replace('-', '_').upper()}": v for key, v in meddling.items()}
    given = variables if where == "variable" else {"PIP_CONFIG_FILE": str(file)}
    done = run(action, {**env, **given, "PATH": path_without_ours()}, "--version")
    assert (done.returncode, done.stdout) == (0, f"astro-ci {__version__}\n"), done.stderr


def test_what_does_not_match_the_lock_file_is_not_installed(
    action: Path, env: dict[str, str], tmp_path: Path
) -> None:
    spoiled = shutil.copytree(action, tmp_path / "spoiled")
    lock = spoiled / "actions/requirements.lock"
    lock.write_text(re.sub(r"sha256:\w{4}", "sha256:0000", lock.read_text()))
    output = tmp_path / "output"
    done = run(spoiled, {**env, "GITHUB_OUTPUT": str(output)}, "deploy")
    assert done.returncode == 4
    assert done.stdout == ""
    assert done.stderr.count("::group::") == done.stderr.count("::endgroup::") == 1
    reason, outcome = output.read_text().splitlines()
    assert reason == "reason=astro_ci's packages could not be installed"
    assert outcome == "outcome=failed"
    assert [*Path(env["RUNNER_TEMP"]).iterdir()] == []
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("::error::"))
    assert "could not be installed" in error
    assert "PIP_INDEX_URL" in error


def test_nothing_in_the_checkout_or_the_job_comes_first(
    action: Path, env: dict[str, str], tmp_path: Path
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for name in ("astro_ci.py", "requests.py", "click.py", "sitecustomize.py", "venv.py"):
        (checkout / name).write_text("raise SystemExit('the wrong module')\n")
    (checkout / "uv.toml").write_text('required-version = "==0.0.1"\n')
    env = {**env, "PYTHONPATH": str(checkout), "PYTHONHOME": "", "VIRTUAL_ENV": str(checkout)}
    done = run(action, env, "--version", cwd=checkout)
    assert (done.returncode, done.stdout) == (0, f"astro-ci {__version__}\n"), done.stderr


def test_without_a_python_it_says_what_to_add(action: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname"):
        (tools / tool).symlink_to(shutil.which(tool) or "")
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = run(action, {"PATH": str(tools), "RUNNER_TOOL_CACHE": str(tmp_path)}, "deploy")
    assert done.returncode == 2
    assert done.stderr.startswith("::error::astro_ci needs Python 3.11 or later")
    assert "actions/setup-python" in done.stderr


def test_a_python_of_the_tool_cache_is_found(
    action: Path, env: dict[str, str], tmp_path: Path
) -> None:
    kept = tmp_path / "cache" / "Python" / "3.11.9" / "x64" / "bin"
    kept.mkdir(parents=True)
    (kept / "python3").symlink_to(Path(sys.executable).resolve())
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "dirname", "uv"):
        (tools / tool).symlink_to(shutil.which(tool, path=env["PATH"]) or "")
    only = {**env, "PATH": str(tools), "RUNNER_TOOL_CACHE": str(tmp_path / "cache")}
    done = run(action, only, "--version")
    assert (done.returncode, done.stdout) == (0, f"astro-ci {__version__}\n"), done.stderr
    assert str(kept) in done.stderr


def test_the_lock_file_holds_what_the_package_needs() -> None:
    text = (ROOT / "actions/requirements.lock").read_text()
    pinned = dict(re.findall(r"^([a-z0-9-]+)==([^ ;]+)", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["dependencies"]):
        version = pinned[requirement.name]
        assert version in requirement.specifier, f"{requirement}: run `make lock`"
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) <= text.count("--hash=sha256:")
    assert "://" not in text
