"""Modules in the working directory that Python would take for others."""

from __future__ import annotations

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from astro_ci.doctor.modules import DEPENDENCIES, modules

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("warnings.py", "warnings.py"),
        ("yaml.py", "yaml.py"),
        ("json.abi3.so", "json.abi3.so"),
        ("requests/__init__.py", "requests/"),
        ("astro_ci/__init__.py", "astro_ci/"),
        ("urllib3.py", "urllib3.py"),
    ],
)
def test_a_module_with_a_known_name(tmp_path: Path, path: str, shown: str) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text("")
    check = modules(tmp_path, loaded=["urllib3"])
    assert check.status == "warning"
    assert f"the working directory holds {shown}, which" in check.message
    assert "python -P -m astro_ci" in check.remedy


def test_what_python_does_not_import(tmp_path: Path) -> None:
    for name in ("dags", "json", "tests"):
        (tmp_path / name).mkdir()
    for name in ("warnings.txt", "warnings.py.bak", "settings.py", "requirements.txt"):
        (tmp_path / name).write_text("")
    assert modules(tmp_path).status == "ok"


def test_our_own_checkout_is_no_stranger() -> None:
    assert modules(ROOT).status == "ok"


def test_every_dependency_is_known() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {line.partition(">")[0].lower() for line in project["dependencies"]}
    names = packages_distributions()
    known = {name.lower() for module in DEPENDENCIES for name in names[module]}
    assert known == wanted
