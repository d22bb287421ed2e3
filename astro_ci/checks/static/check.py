"""Run the static check in the background, and collect its findings."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

from msgspec import Struct, field

from astro_ci.checks.static.lint import ABSENT, LintError, Ruff
from astro_ci.checks.static.process import Died, Reader
from astro_ci.checks.static.request import Answer, Problem, Request
from astro_ci.finding import Checked, Finding
from astro_ci.text import printable

log = logging.getLogger(__name__)

_MOST_CULPRITS = 5
_TRIES = 2 + _MOST_CULPRITS


class Static(Struct, frozen=True, kw_only=True):
    """The result of the check, and the files that Airflow parses and ignores."""

    checked: Checked
    parsed: Sequence[str] = ()
    """The files that Airflow would parse, relative to the DAGs directory."""
    ignored: frozenset[str] = frozenset()
    """The files that `.airflowignore` excludes, relative to the DAGs directory."""


class StaticCheck:
    """A static check in progress. Leaving the `with` block ends the check."""

    def __init__(
        self,
        request: Request,
        find_ruff: Callable[[], Ruff | None],
        reader: Reader | None = None,
    ) -> None:
        """Take a `reader` that may have started its process already."""
        self._request = request
        self._find_ruff = find_ruff
        self._reader = reader or Reader()
        self._pool = ThreadPoolExecutor(max_workers=1)

    def __enter__(self) -> StaticCheck:
        """Start to read the files."""
        self._found = self._pool.submit(self._run)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the check if it is still running."""
        self._reader.stop()
        self._pool.shutdown(cancel_futures=True)

    def result(self) -> Static:
        """Wait until the check ends."""
        return self._found.result()

    def _run(self) -> Static:
        started = time.monotonic()
        answer = _look(self._request, self._reader.ask)
        if isinstance(answer, Died):
            reason = f"the files under the DAGs directory could not be read: {answer.reason}"
            return Static(
                checked=Checked(name="static", status="impossible", not_checked=(reason,))
            )
        findings = [_finding(problem) for problem in answer.problems]
        notes = []
        try:
            ruff = self._find_ruff()
            findings += self._lint(ruff, answer) if ruff else ()
            if ruff is None:
                log.debug(ABSENT)  # an optional tool that is missing is no news in every run
        except LintError as error:
            notes.append(str(error))
        checked = Checked.of(
            "static",
            findings,
            notes=notes,
            not_checked=answer.not_checked,
            files=answer.files,
            seconds=round(time.monotonic() - started, 3),
        )
        return Static(
            checked=checked, parsed=tuple(answer.parsed), ignored=frozenset(answer.ignored)
        )

    def _lint(self, ruff: Ruff, answer: Answer) -> list[Finding]:
        dags, repository = self._request.dags, self._request.repository
        # A file that Python could not compile may crash ruff too.
        broken = {f"{repository}/{problem.name}" for problem in answer.problems}
        sources = [f"{dags}/{name}" for name in answer.parsed if name.endswith(".py")]
        paths = [path for path in sources if path not in broken]
        return list(ruff.findings(paths, repository=repository))


class _Culprits(Struct):
    """Files that ended the process which read them, and a problem for each."""

    paths: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def _look(request: Request, ask: Callable[[Request], Answer | Died]) -> Answer | Died:
    """Ask until a process answers; exclude each file that ended an earlier process."""
    culprits = _Culprits()
    is_careful = False
    for _ in range(_TRIES):
        asked = request._replace(excluded=tuple(culprits.paths), is_careful=is_careful)
        found = ask(asked)
        if isinstance(found, Answer):
            found.problems += culprits.problems
            return found
        if found.is_final or (is_careful and not found.path):
            return found
        if is_careful:
            culprits.paths.append(found.path)
            culprits.problems.append(
                Problem(
                    rule="dag-too-complex",
                    message=f"the file cannot be compiled: {found.reason}",
                    name=os.path.relpath(found.path, request.repository),
                )
            )
        is_careful = True
    return Died(reason=f"more than {_MOST_CULPRITS} files end the process that compiles them")


def _finding(problem: Problem) -> Finding:
    return Finding(
        path=problem.name,
        line=problem.line,
        column=problem.column,
        rule=problem.rule,
        severity=problem.severity,
        message=printable(problem.message),
        dag_ids=tuple(problem.dag_ids),
    )
