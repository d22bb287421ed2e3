"""Look at one Python file: is it parsed, does it compile, what may it import and define."""

from __future__ import annotations

from typing import Any

from astro_ci.checks.static.module import may_define, may_import
from astro_ci.checks.static.request import Problem, Request, Version
from astro_ci.checks.static.source import read_source, undecodable
from astro_ci.checks.static.syntax import NewerSyntaxError, check_syntax


class Looked:
    """What one look at a file showed."""

    __slots__ = ("dag_ids", "imports", "is_newer", "is_parsed", "problem")

    def __init__(self, *, is_parsed: bool, problem: Problem | None = None) -> None:
        """`is_parsed` tells whether Airflow would parse it."""
        self.is_parsed = is_parsed
        self.is_newer = False
        """Whether it may hold syntax that this interpreter does not know."""
        self.problem = problem
        self.imports: set[str] = set()
        """Modules that it may import."""
        self.dag_ids: tuple[str, ...] = ()
        """DAG ids that it may define, as often as it may."""

    def packed(self) -> tuple[Any, ...]:
        """As built-in types alone, for `marshal`."""
        problem = self.problem and tuple(self.problem)
        return self.is_parsed, self.is_newer, problem, self.imports, self.dag_ids

    @classmethod
    def unpacked(cls, packed: tuple[Any, ...]) -> Looked:
        """The opposite of `packed`."""
        is_parsed, is_newer, problem, imports, dag_ids = packed
        found = cls(is_parsed=is_parsed, problem=problem and Problem(*problem))
        found.is_newer, found.imports, found.dag_ids = is_newer, imports, dag_ids
        return found


def mentions_dag(data: bytes, airflow: Version) -> bool:
    """Airflow's own test for files that may hold a DAG, as it is by default."""
    text = data.lower()
    if b"airflow" not in text:
        return False
    return b"dag" in text or (airflow >= (3, 0) and b"asset" in text)


def look_at(path: str, request: Request, *, is_ignored: bool) -> Looked | None:
    """Look at a file; None when there is no regular file of that name."""
    data = read_source(path)
    if data is None:
        return None
    if isinstance(data, Problem):
        # Airflow may parse what could not be read here.
        return Looked(is_parsed=not is_ignored, problem=data)
    return look_into(data, request, is_ignored=is_ignored)


def look_into(data: bytes, request: Request, *, is_ignored: bool) -> Looked:
    """Look at a file's content."""
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
    """The same problem where it does not keep a DAG from loading."""
    return problem._replace(severity="warning")
