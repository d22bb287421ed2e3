"""What the process that reads the files is asked, and what it answers: plain values for JSON.

These values are named tuples: that process loads the standard library alone, and in haste.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from astro_ci.finding import Severity

Version = tuple[int, int]

NEWEST: Version = (99, 0)
"""Stands for a version that is not known."""


class Request(NamedTuple):
    """Which files to look at, and for what platform."""

    root: str
    """The project's directory, links resolved. Nothing outside it is read."""
    dags: str
    """The DAGs directory, links resolved; within the root or beside it in the repository."""
    repository: str
    """The repository's root, links resolved. Links that lead out of it are not followed."""
    python: Version = NEWEST
    airflow: Version = NEWEST
    dockerfile: str = "Dockerfile"
    """Relative to the root; what the image holds is told by it."""
    ignore_syntax: str = ""
    """`glob` or `regexp`; empty for the default of the Airflow version."""
    safe_mode: bool = True
    """Whether Airflow parses those files alone that mention it and a DAG."""
    excluded: Sequence[str] = ()
    """Paths not to look at: an earlier process ended over them."""
    is_careful: bool = False
    """Whether to name each file before looking at it, one after the other."""

    @property
    def uses_globs(self) -> bool:
        """Whether `.airflowignore` holds globs, and no regular expressions."""
        return self.ignore_syntax == "glob" or (not self.ignore_syntax and self.airflow >= (3, 0))

    def as_json(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return self._asdict()

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Request:
        """The opposite of `as_json`."""
        versions = {name: (fields[name][0], fields[name][1]) for name in ("python", "airflow")}
        return cls(**{**fields, **versions})


class Problem(NamedTuple):
    """Something wrong at one place; a finding without the repository's names."""

    rule: str
    message: str
    line: int | None = None
    column: int | None = None
    severity: Severity = "error"
    name: str = ""
    """The file, relative to the repository root."""
    dag_ids: Sequence[str] = ()


class Answer:
    """What the process says in the end."""

    def __init__(
        self,
        *,
        files: int = 0,
        parsed: Iterable[str] = (),
        ignored: Iterable[str] = (),
        problems: Iterable[Problem] = (),
        not_checked: Iterable[str] = (),
    ) -> None:
        """Take what is known so far: the process adds to it.

        `parsed` are the files that Airflow would parse, `ignored` those that `.airflowignore`
        leaves out, both relative to the DAGs directory.
        """
        self.files = files
        self.parsed = list(parsed)
        self.ignored = list(ignored)
        self.problems = list(problems)
        self.not_checked = list(not_checked)

    def as_json(self) -> dict[str, Any]:
        """Its fields, for JSON."""
        return {**vars(self), "problems": [problem._asdict() for problem in self.problems]}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Answer:
        """The opposite of `as_json`."""
        problems = [Problem(**problem) for problem in fields["problems"]]
        return cls(**{**fields, "problems": problems})
