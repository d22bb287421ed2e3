"""A project on disk, and the static check of it in its own process."""

from __future__ import annotations

from pathlib import Path

from astro_ci.checks.static.check import Static, StaticCheck
from astro_ci.checks.static.lint import Ruff
from astro_ci.checks.static.request import Request
from astro_ci.finding import Finding

DAG = "from airflow import DAG\n"


class StaticProject:
    """A project, in a repository of its own or in a directory of one."""

    def __init__(self, repository: Path, *, directory: str = "") -> None:
        self.repository = repository
        self.root = repository / directory
        (self.root / "dags").mkdir(parents=True, exist_ok=True)

    def write(self, files: dict[str, str | bytes]) -> StaticProject:
        """Write files, relative to the project."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return self

    def check(
        self,
        *,
        python: tuple[int, int] = (3, 12),
        airflow: tuple[int, int] = (3, 1),
        ruff: Ruff | None = None,
    ) -> Static:
        """Run the static check."""
        request = Request(
            root=str(self.root),
            dags=str(self.root / "dags"),
            repository=str(self.repository),
            python=python,
            airflow=airflow,
        )
        with StaticCheck(request, lambda: ruff) as check:
            return check.result()


def told(static: Static) -> list[str]:
    """Findings as `path:line:column severity rule`, but those that there is no DAG."""
    return [_line(found) for found in static.checked.findings if found.rule != "dag-none"]


def _line(found: Finding) -> str:
    place = ":".join(str(part) for part in (found.path, found.line, found.column) if part)
    return f"{place} {found.severity} {found.rule}"
