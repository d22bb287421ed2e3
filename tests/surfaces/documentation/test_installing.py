"""The lines that install, upgrade and uninstall: run as they stand, into environments of their own.

`astro-ci` is found in a directory with this checkout's wheel; what it needs comes from the index.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.surfaces.documentation.conftest import Shell
from tests.surfaces.documentation.documents import ROOT, blocks
from tests.surfaces.documentation.test_commands import INSTALLERS

COMMANDS = [
    command
    for block in blocks("sh")
    if not block.reason
    for command in block.commands
    if command.startswith(INSTALLERS)
]
CACHE = Path(os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache" / "uv")
PIP_CACHE = Path(os.environ.get("PIP_CACHE_DIR") or Path.home() / ".cache" / "pip")
"""Looked up before a test hides the home directory."""
ORDER = ("install", "upgrade", "uninstall")

pytestmark = pytest.mark.timeout(400)
# Package tools fetch what an index has; that pip installs our wheel, the examples' jobs show.
FETCHES = pytest.mark.thorough


@pytest.fixture
def environment(wheel: Path, tmp_path: Path) -> dict[str, str]:
    """Environments below a directory of the test; the caches stay what they are."""
    links = f"{wheel.parent} {os.environ.get('PIP_FIND_LINKS', '')}".strip()
    return {
        "PATH": f"{tmp_path}/venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "UV_CACHE_DIR": str(CACHE),
        "UV_FIND_LINKS": str(wheel.parent),
        "UV_TOOL_DIR": str(tmp_path / "tools"),
        "UV_TOOL_BIN_DIR": str(tmp_path / "bin"),
        "PIP_FIND_LINKS": links,
        "PIP_CACHE_DIR": str(PIP_CACHE),
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_DEFAULT_BACKEND": "uv",
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
    }


def of(tool: str) -> list[str]:
    """The commands of a tool, those that install first; what they name comes from `.` as well."""
    found = dict.fromkeys(one for one in COMMANDS if one.startswith(tool))
    return sorted(found, key=lambda one: [verb in one.split() for verb in ORDER], reverse=True)


def test_each_is_tried() -> None:
    tried = [*of("python -m pip "), *of("uv tool "), *of("pipx "), *of("uvx ")]
    assert sorted(tried) == sorted(set(COMMANDS))
    for verb in ORDER:
        assert [one for one in tried if verb in one]


@FETCHES
def test_uv(environment: dict[str, str], tmp_path: Path, shell: Shell) -> None:
    for command in of("uv tool "):
        if "[" in command or command.endswith(" ."):
            command += " --force"
        shell(command, cwd=ROOT, env=environment)
    assert not (tmp_path / "bin" / "astro-ci").exists()


@FETCHES
def test_uvx(environment: dict[str, str], tmp_path: Path, shell: Shell) -> None:
    """Outside of a project, the command says so: it was there to say it."""
    (command,) = of("uvx ")
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, env={**os.environ, **environment}, capture_output=True
    )
    assert done.returncode == 3, done.stderr.decode()[-1500:]
    assert b"is not an Astro project" in done.stderr or b"git repository" in done.stderr


@FETCHES
def test_pip(environment: dict[str, str], tmp_path: Path, shell: Shell) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    for command in of("python -m pip "):
        shell(command, cwd=ROOT, env=environment)
    assert not (tmp_path / "venv" / "bin" / "astro-ci").exists()


@FETCHES
def test_pipx(environment: dict[str, str], tmp_path: Path, shell: Shell) -> None:
    """By pipx as uv fetches it."""
    for command in of("pipx "):
        command += " --force" if command.endswith(" .") else ""
        shell(f"uvx {command}", cwd=ROOT, env=environment)
    assert not (tmp_path / "bin" / "astro-ci").exists()
