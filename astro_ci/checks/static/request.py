"""The request to the process that reads the files, and its answer, as plain values for JSON.

The values are named tuples, because the process must start quickly and imports only the standard
library.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from astro_ci.finding import Severity

Version = tuple[int, int]

NEWEST: Version = (99, 0)
"""An unknown version."""


class Request(NamedTuple):
    """The files to read, and the versions of Airflow and Python to check for."""

    root: str
    """The project's directory, links resolved. Nothing outside it is read."""
    dags: str
    """The DAGs directory, links resolved; within the root or beside it in the repository."""
    repository: str
    """The repository's root, links resolved. Links that lead out of it are not followed."""
    python: Version = NEWEST
    airflow: Version = NEWEST
    dockerfile: str = "Dockerfile"
    """The Dockerfile's path relative to the root; the file determines the image's packages."""
    ignore_syntax: str = ""
    """`glob` or `regexp`; empty for the default of the Airflow version."""
    safe_mode: bool = True
    """Whether Airflow parses only files that mention Airflow and a DAG."""
    excluded: Sequence[str] = ()
    """Paths to skip, because each of them ended an earlier process."""
    is_careful: bool = False
    """Whether to read files one by one, and to announce each file before reading it."""

    @property
    def uses_globs(self) -> bool:
        """Whether `.airflowignore` contains globs instead of regular expressions."""
        return self.ignore_syntax == "glob" or (not self.ignore_syntax and self.airflow >= (3, 0))

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return self._asdict()

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Request:
        """Make the value from the result of `as_json`."""
        versions = {name: (fields[name][0], fields[name][1]) for name in ("python", "airflow")}
        return cls(**{**fields, **versions})


class Problem(NamedTuple):
    """A problem at one place, from which a finding is made."""

    rule: str
    message: str
    line: int | None = None
    column: int | None = None
    severity: Severity = "error"
    name: str = ""
    """The file, relative to the repository root."""
    dag_ids: Sequence[str] = ()


class Answer:
    """The answer of the process."""

    def __init__(
        self,
        *,
        files: int = 0,
        parsed: Iterable[str] = (),
        ignored: Iterable[str] = (),
        problems: Iterable[Problem] = (),
        not_checked: Iterable[str] = (),
    ) -> None:
        """Take the values that are known so far; the process adds more.

        `parsed` are the files that Airflow would parse, `ignored` those that `.airflowignore`
        excludes, both relative to the DAGs directory.
        """
        self.files = files
        self.parsed = list(parsed)
        self.ignored = list(ignored)
        self.problems = list(problems)
        self.not_checked = list(not_checked)

    def as_json(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return {**vars(self), "problems": [problem._asdict() for problem in self.problems]}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Answer:
        """Make the value from the result of `as_json`."""
        problems = [Problem(**problem) for problem in fields["problems"]]
        return cls(**{**fields, "problems": problems})
