"""The job that a check runs where Airflow is installed, and the interface of a runner."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

PACKAGE = "astro_ci_inside"
"""The name of the package of copied modules, which no project uses."""
_LAUNCH = (
    "import sys; work, module = sys.argv[1:3]; "
    # DAG files must not import from the current directory or from the private directory.
    "sys.path[:] = [path for path in sys.path if path]; sys.path.insert(0, work); "
    f"main = __import__('{PACKAGE}.' + module, fromlist=['main']).main; sys.path.remove(work); "
    "sys.exit(main(work))"
)

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The modules to run, their request, and the project's directories."""

    modules: str
    """A package of astro-ci whose modules import only the standard library and Airflow."""
    main: str
    """The module of the package whose `main(work)` is called."""
    request: Mapping[str, Any]
    """The content of `request.json`, which `main` reads.

    The runner adds `project`, `trees` and `in_place`.
    """
    project: Path
    trees: Mapping[str, Path]
    """The project's directories and files on this disk, by name in the image's project."""
    hidden: Collection[str] = ("dags",)
    """The directories whose content in the image is hidden, so that deleted files stay deleted."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables for the job, which override those of the image or environment."""

    def files(self, *, project: str, trees: Mapping[str, str], in_place: bool) -> dict[str, bytes]:
        """Make the initial files of the job's private directory, by name."""
        own = {"project": project, "trees": dict(trees), "in_place": in_place}
        found = {"request.json": json.dumps({**self.request, **own}).encode()}
        for file in resources.files(self.modules).iterdir():
            if file.name.endswith(".py"):
                found[f"{PACKAGE}/{file.name}"] = file.read_bytes()
        return found

    def argv(self, python: str, work: str) -> list[str]:
        """Make the command that starts the job."""
        return [python, "-c", _LAUNCH, work, self.main]


class Place(Protocol):
    """The place where a job runs. The runner removes the place when the runner's context ends."""

    @property
    def project(self) -> str:
        """The project's directory where the job runs."""

    @property
    def trees(self) -> Mapping[str, str]:
        """The project's directories where the job runs, by name."""

    def run(self, on_line: OnLine) -> int:
        """Run the job, pass each line of output to `on_line`, and return the exit code."""

    def read(self, name: str) -> bytes | None:
        """Return the content of a file of the job's private directory; None when it is missing."""


class Runner(Protocol):
    """Makes places for jobs."""

    @property
    def description(self) -> str:
        """Where Airflow is installed, as a clause for messages: `in the image X`."""

    def place(self, job: Job) -> AbstractContextManager[Place]:
        """Prepare a place. Raises CheckFailedError or DockerError when that fails."""
