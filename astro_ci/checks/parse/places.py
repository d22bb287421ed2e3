"""Where a file of the place in which Airflow runs lies in the repository. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astro_ci.paths import below, join


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The project's directories there, and here."""

    project: str
    """There, absolute."""
    trees: Mapping[str, str]
    """There, absolute, by name."""
    root: str
    """The project's directory, from the repository root."""
    dags: str
    """The DAGs directory, from the repository root."""

    def is_project(self, path: str) -> bool:
        """Whether a file belongs to the project, and not to what is installed in it."""
        parts = path.split("/")
        return self.in_repository(path) != path and "site-packages" not in parts

    def in_repository(self, path: str) -> str:
        """Name a file from the repository root; a file outside the project keeps its path."""
        name = below(path, self.trees["dags"])
        if name is not None:
            return join(self.dags, name)
        name = below(path, self.project)
        return path if name is None else join(self.root, name)
