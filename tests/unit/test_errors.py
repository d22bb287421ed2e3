from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

import astro_ci
from astro_ci import errors

PACKAGE = Path(inspect.getfile(astro_ci)).parent

CODES = {
    "ConfigurationError": 2,
    "ProjectError": 3,
    "CommandError": 4,
    "GitError": 4,
    "DockerError": 4,
    "RegistryError": 4,
    "ApiError": 5,
    "NotFoundError": 5,
    "UnavailableError": 5,
    "CheckFailedError": 6,
    "DeployFailedError": 7,
    "DeployTimeoutError": 8,
    "AuthenticationError": 9,
}


@pytest.mark.parametrize(("name", "code"), CODES.items())
def test_every_error_has_its_exit_code(name: str, code: int) -> None:
    assert getattr(errors, name)("what", hint="do").exit_code == code


@pytest.mark.parametrize(("number", "code"), [(2, 130), (15, 143)])
def test_a_cancelled_run_exits_as_its_signal_does(number: int, code: int) -> None:
    assert errors.CancelledError("stopped", signal_number=number).exit_code == code


def test_a_request_id_is_part_of_the_message() -> None:
    error = errors.ApiError("GET /x answered 500", status=500, request_id="r-1")
    assert str(error) == "GET /x answered 500 (request id r-1)"


# What each part of the package may import, beside the values, errors and pure modules.
ADAPTERS = ("astro", "bundle", "ci", "git", "image", "sandbox")
PURE = {
    "classify",
    "content",
    "dockerignore",
    "excludes",
    "history",
    "standins",
    "paths",
    "planner",
    "remote",
    "text",
}
PURE |= {"errors", "model", "runtime", "render", "config", "project"}


def _imports(path: Path) -> set[str]:
    """The parts of our package that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("astro_ci"):
            names = (node.module or "").split(".")[1:2] or [alias.name for alias in node.names]
            found.update(names)
    return found - {"__version__"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.relative_to(PACKAGE).as_posix()
)
def test_arrows_point_down(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    imported = _imports(path) - {part}
    if part in ADAPTERS:
        assert imported <= PURE, "an adapter imports only what is pure"
    elif part in PURE:
        assert imported <= PURE, "the pure core imports only what is pure"
    elif part == "commands":
        assert not imported & {"cli", "__main__"}


def test_only_the_command_line_reads_the_process() -> None:
    """The environment and the exit code belong to cli.py; what git inherits, to git/process.py."""
    exempt = {PACKAGE / name for name in ("cli.py", "__main__.py", "git/process.py")}
    for path in set(PACKAGE.rglob("*.py")) - exempt:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = (node.value.id, node.attr)
                assert used not in {("os", "environ"), ("sys", "exit"), ("sys", "argv")}, path
