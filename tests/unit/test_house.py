"""The house: which part of the package may import which, and who may touch the process."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import astro_ci

PACKAGE = Path(astro_ci.__file__).parent

FLOORS = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"terminal", "building", "doctor", "pipelines", "demo"},
    {"deploying"},
    {"survey"},
    {"deployments"},
    {"astro"},
    {"reporting"},
    {"checks"},
    {"git", "bundle", "image", "ci", "sandbox"},
    {"configuration"},
    {"planning"},
    {"project"},
    {"web"},
    {"model", "finding", "errors", "paths", "remote", "text"},
)
"""From the roof down. A part imports from the floors below its own alone; only the parts of the
lowest floor import each other. So planning and project know no adapter, and no adapter another."""
INNER_FLOORS = {
    "sandbox": ({"__init__"}, {"serve"}, {"sandbox"}, {"http"}, {"platform"}, {"store"}),
}
"""The floors inside a part that has its own; a module imports from its own and those below."""
PUBLIC = {"__init__"}
"""The names that others import, from wherever they are."""
FLOOR_OF = {part: number for number, floor in enumerate(FLOORS) for part in floor}
GROUND = len(FLOORS) - 1


def _part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    """The parts of our package that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("astro_ci"):
            names = (node.module or "").split(".")[1:2] or [alias.name for alias in node.names]
            found.update(names)
        elif isinstance(node, ast.Import):
            modules = [alias.name.split(".") for alias in node.names]
            found.update(name[1] for name in modules if name[0] == "astro_ci" and name[1:])
    return found - {"__version__"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.relative_to(PACKAGE).as_posix()
)
def test_arrows_point_down(path: Path) -> None:
    part = _part(path)
    if part in PUBLIC:
        return
    assert part in FLOOR_OF, "a new part of the package needs a floor"
    floor = FLOOR_OF[part]
    for other in _imports(path) - {part}:
        is_below = FLOOR_OF[other] > floor or floor == GROUND == FLOOR_OF[other]
        assert is_below, f"{part} may not import {other}"


def _inner_imports(path: Path, part: str) -> set[str]:
    """The parts of a part that a module of it imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = node.module.split(".")
            if names[:2] == ["astro_ci", part]:
                found.update(names[2:3] or [alias.name for alias in node.names])
    return found


@pytest.mark.parametrize("part", INNER_FLOORS)
def test_arrows_point_down_inside_a_part_too(part: str) -> None:
    floor_of = {name: number for number, row in enumerate(INNER_FLOORS[part]) for name in row}
    for path in sorted((PACKAGE / part).rglob("*.py")):
        own = path.relative_to(PACKAGE / part).parts[0].removesuffix(".py")
        for other in _inner_imports(path, part):
            assert floor_of[other] >= floor_of[own], f"{path} may not import {part}.{other}"


def test_only_the_command_line_reads_the_process() -> None:
    """The environment and the exit code belong to cli.py.

    What is copied to where Airflow is runs in a process of its own.
    """
    exempt = {PACKAGE / name for name in ("cli.py", "__main__.py")}
    exempt |= set(PACKAGE.glob("checks/*/inside/*.py"))
    for path in set(PACKAGE.rglob("*.py")) - exempt:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used = (node.value.id, node.attr)
                assert used not in {("os", "environ"), ("sys", "exit"), ("sys", "argv")}, path
