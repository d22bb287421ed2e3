"""What a job on GitHub finds: our checkout, a runner's tools, a sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from astro_ci.sandbox import Sandbox
from tests.integration.stage import FILES
from tests.repository import Repository
from tests.surfaces.github.runner import ROOT, Runner, path_without_ours


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the action: what a release has, and nothing that lies around here."""
    made = tmp_path_factory.mktemp("action")
    for name in ("action.yml", "pyproject.toml"):
        shutil.copy(ROOT / name, made)
    for name in ("actions", "astro_ci"):
        ignored = shutil.ignore_patterns("__pycache__", "sandbox")
        shutil.copytree(ROOT / name, made / name, ignore=ignored)
    return made


@pytest.fixture(scope="session")
def uv_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for PATH that holds uv alone."""
    made = tmp_path_factory.mktemp("uv")
    (made / "uv").symlink_to(uv.find_uv_bin())
    return made


@pytest.fixture(scope="session")
def caches(shared_directory: Path) -> dict[str, str]:
    """Caches of uv and pip, as hosted runners keep them: packages are downloaded once."""
    return {
        "UV_CACHE_DIR": str(shared_directory / "cache-of-uv"),
        "PIP_CACHE_DIR": str(shared_directory / "cache-of-pip"),
    }


@pytest.fixture
def runner(
    tmp_path: Path, action: Path, uv_directory: Path, caches: dict[str, str]
) -> Iterator[Runner]:
    with Sandbox(rollout_seconds=0.1) as astro:
        yield Runner(
            astro=astro,
            repository=Repository.create(tmp_path / "repository", FILES),
            home=tmp_path,
            action=action,
            env={**caches, "PATH": f"{path_without_ours()}:{uv_directory}"},
        )
