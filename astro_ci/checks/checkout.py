"""The project to check, and its paths relative to the repository root."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from astro_ci.errors import GitError, ProjectError
from astro_ci.git import GitRepo
from astro_ci.paths import join
from astro_ci.project.find import Project, find_project


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A project, and the path prefixes that findings use."""

    project: Project
    repository: Path
    """The repository's root; the project's directory when no repository contains the project."""
    root: str
    """The project's path relative to `repository`; empty when both are the same directory."""
    dags: str
    """The DAGs directory, relative to `repository`."""

    @classmethod
    def find(cls, directory: Path, dags_path: str, env: Mapping[str, str]) -> Checkout:
        """Find the project. Raises ProjectError when the directory does not hold one."""
        project = find_project(directory, dags_path)
        try:
            repo = GitRepo.open(project.root, env)
        except (GitError, ProjectError):  # a check works without git
            return cls(project=project, repository=project.root, root="", dags=dags_path)
        root = repo.relative(project.root) or ""
        real = Path(os.path.realpath(project.dags))
        dags = repo.relative(real) or join(root, dags_path)
        return cls(project=project, repository=repo.root, root=root, dags=dags)
