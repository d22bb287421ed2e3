"""Map paths where Airflow runs to paths in the repository. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from astro_ci.paths import below, join


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The project's directories where Airflow runs, and in the repository."""

    project: str
    """The project's absolute path where Airflow runs."""
    trees: Mapping[str, str]
    """Absolute paths where Airflow runs, by the directory's name."""
    root: str
    """The project's directory, relative to the repository root."""
    dags: str
    """The DAGs directory, relative to the repository root."""

    def is_project(self, path: str) -> bool:
        """Whether a file is the project's own, and not of a package installed in the project."""
        parts = path.split("/")
        return self.in_repository(path) != path and "site-packages" not in parts

    def in_repository(self, path: str) -> str:
        """Return a file's path from the repository root; outside the project, the path as given."""
        name = below(path, self.trees["dags"])
        if name is not None:
            return join(self.dags, name)
        name = below(path, self.project)
        return path if name is None else join(self.root, name)
