"""Read one Python file: whether Airflow parses it, whether it compiles, and what it may import."""

from __future__ import annotations

from typing import Any

from astro_ci.checks.static.module import may_define, may_import
from astro_ci.checks.static.request import Problem, Request, Version
from astro_ci.checks.static.source import read_source, undecodable
from astro_ci.checks.static.syntax import NewerSyntaxError, check_syntax


class Looked:
    """The result of reading one file."""

    __slots__ = ("dag_ids", "imports", "is_newer", "is_parsed", "problem")

    def __init__(self, *, is_parsed: bool, problem: Problem | None = None) -> None:
        """Take `is_parsed`: whether Airflow would parse the file."""
        self.is_parsed = is_parsed
        self.is_newer = False
        """Whether the file may use syntax that this interpreter does not know."""
        self.problem = problem
        self.imports: set[str] = set()
        """The modules that the file may import."""
        self.dag_ids: tuple[str, ...] = ()
        """The DAG ids that the file may define; an id may occur several times."""

    def packed(self) -> tuple[Any, ...]:
        """Return the fields as built-in types, for `marshal`."""
        problem = self.problem and tuple(self.problem)
        return self.is_parsed, self.is_newer, problem, self.imports, self.dag_ids

    @classmethod
    def unpacked(cls, packed: tuple[Any, ...]) -> Looked:
        """Make the value from the result of `packed`."""
        is_parsed, is_newer, problem, imports, dag_ids = packed
        found = cls(is_parsed=is_parsed, problem=problem and Problem(*problem))
        found.is_newer, found.imports, found.dag_ids = is_newer, imports, dag_ids
        return found


def mentions_dag(data: bytes, airflow: Version) -> bool:
    """Whether a file may hold a DAG, by Airflow's default test (safe mode)."""
    text = data.lower()
    if b"airflow" not in text:
        return False
    return b"dag" in text or (airflow >= (3, 0) and b"asset" in text)


def look_at(path: str, request: Request, *, is_ignored: bool) -> Looked | None:
    """Read a file; return None when there is no regular file of that name."""
    data = read_source(path)
    if data is None:
        return None
    if isinstance(data, Problem):
        # Airflow may be able to read a file that this process cannot read.
        return Looked(is_parsed=not is_ignored, problem=data)
    return look_into(data, request, is_ignored=is_ignored)


def look_into(data: bytes, request: Request, *, is_ignored: bool) -> Looked:
    """Examine a file's content."""
    is_parsed = not is_ignored and (not request.safe_mode or mentions_dag(data, request.airflow))
    found = Looked(is_parsed=is_parsed, problem=undecodable(data))
    if found.problem:
        return found
    try:
        found.problem = check_syntax(data, request.python)
    except NewerSyntaxError:
        found.is_newer = True
    if not found.problem and not found.is_newer:
        found.imports, found.dag_ids = may_import(data), may_define(data)
    return found


def as_warning(problem: Problem) -> Problem:
    """Return the problem as a warning, for a file that no DAG needs."""
    return problem._replace(severity="warning")
