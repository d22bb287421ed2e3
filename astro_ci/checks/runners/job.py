"""What a check wants done where Airflow is, and what a runner has to offer for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

PACKAGE = "astro_ci_inside"
"""The name of our modules where Airflow is: none that a project has."""
_LAUNCH = (
    "import sys; work, module = sys.argv[1:3]; "
    # Neither the current directory nor ours is where a DAG file may import from.
    "sys.path[:] = [path for path in sys.path if path]; sys.path.insert(0, work); "
    f"main = __import__('{PACKAGE}.' + module, fromlist=['main']).main; sys.path.remove(work); "
    "sys.exit(main(work))"
)

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Modules to run, a request for them, and the directories that they are about."""

    modules: str
    """A package of ours whose modules import nothing but the standard library and Airflow."""
    main: str
    """The module of the package whose `main(work)` is called."""
    request: Mapping[str, Any]
    """What `main` reads from `request.json`; the runner adds `project`, `trees`, `in_place`."""
    project: Path
    trees: Mapping[str, Path]
    """The project's directories and files on this disk, by their names in the image's project."""
    hidden: Collection[str] = ("dags",)
    """The directories whose content in an image must not show: what was deleted stays deleted."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables for the job, over those of the image or of the environment."""

    def files(self, *, project: str, trees: Mapping[str, str], in_place: bool) -> dict[str, bytes]:
        """Make what our private directory holds when the job starts, by name."""
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
    """Where a job runs. Gone, with all that it holds, when the runner's context ends."""

    @property
    def project(self) -> str:
        """The project's directory there."""

    @property
    def trees(self) -> Mapping[str, str]:
        """The project's directories there, by name."""

    def run(self, on_line: OnLine) -> int:
        """Start the job, hand on what it prints, and return its exit code."""

    def read(self, name: str) -> bytes | None:
        """Return a file of our private directory; None when there is none of that name."""


class Runner(Protocol):
    """Offers places for jobs."""

    @property
    def description(self) -> str:
        """Where Airflow is, as a clause for people: `in the image X`."""

    def place(self, job: Job) -> AbstractContextManager[Place]:
        """Prepare a place. Raises CheckFailedError or DockerError when there can be none."""
