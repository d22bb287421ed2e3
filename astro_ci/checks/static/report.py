"""Make the problems of all files, with severities and paths from the repository root."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from astro_ci.checks.static.files import Found
from astro_ci.checks.static.graph import Graph
from astro_ci.checks.static.look import Looked, as_warning
from astro_ci.checks.static.module import DagId
from astro_ci.checks.static.packages import provided_modules
from astro_ci.checks.static.request import Problem, Request


class StaticReport:
    """Finds the problems that involve several files."""

    def __init__(self, request: Request, files: Mapping[str, Found], graph: Graph) -> None:
        self.request = request
        self._files = files
        self._graph = graph

    def problems(self) -> Iterator[Problem]:
        """Yield every problem, with the file's path from the repository root."""
        yield from self._broken()
        yield from self._duplicates()
        yield from self._missing()

    def name(self, path: str) -> str:
        """Return a path relative to the repository root."""
        return os.path.relpath(path, self.request.repository)

    def _broken(self) -> Iterator[Problem]:
        broken = {p: found for p, found in self._graph.looked.items() if found.problem}
        is_settled = all(found.is_parsed for found in broken.values())
        importers = {} if is_settled else self._graph.importers()
        for path, found in broken.items():
            assert found.problem  # noqa: S101 - chosen so
            problem = found.problem._replace(name=self.name(path))
            if found.is_parsed:
                yield problem
            elif path in importers:
                message = f"{problem.message}; {self.name(importers[path])} imports this file"
                yield problem._replace(message=message)
            elif path in self._files:
                message = f"{problem.message}; {self._why_unread(path)}"
                yield as_warning(problem)._replace(message=message)

    def _why_unread(self, path: str) -> str:
        """Say why Airflow does not read a file."""
        if self._files[path].is_ignored:
            return "only a warning, because .airflowignore excludes this file"
        kind = "dag" if self.request.airflow < (3, 0) else "either dag or asset"
        return f"only a warning, because Airflow reads only files that mention airflow and {kind}"

    def _parsed(self) -> Iterator[tuple[str, Looked]]:
        for path, found in self._graph.looked.items():
            if found.is_parsed:
                yield path, found

    def _duplicates(self) -> Iterator[Problem]:
        """Yield a problem for each DAG id that is certainly defined in two places."""
        users: dict[str, list[str]] = {}
        for path, found in self._parsed():
            for dag_id in found.dag_ids:
                users.setdefault(dag_id, []).append(path)
        suspects = {path for paths in users.values() if len(paths) > 1 for path in paths}
        places: dict[str, list[tuple[str, DagId]]] = {}
        for path in sorted(suspects):
            for made in self._graph.module(path).dag_ids:
                places.setdefault(made.value, []).append((path, made))
        for dag_id, found_at in places.items():
            if len(found_at) > 1:
                yield from self._duplicate(dag_id, found_at)

    def _duplicate(self, dag_id: str, places: Sequence[tuple[str, DagId]]) -> Iterator[Problem]:
        for place in places:
            path, made = place
            others = [other for other in places if other is not place]
            other, its = next((found for found in others if found[0] != path), others[0])
            where = "" if other == path else f" in {self.name(other)},"
            yield Problem(
                rule="dag-duplicate-id",
                message=f"the DAG id {dag_id!r} is also used{where} on line {its.line}",
                line=made.line,
                column=made.column,
                name=self.name(path),
                dag_ids=(dag_id,),
            )

    def _missing(self) -> Iterator[Problem]:
        """Yield a problem for each certain import of a module that nothing provides."""
        provided = provided_modules(self.request)
        if provided is None:
            return
        for path, found in self._parsed():
            tops = {name.partition(".")[0] for name in found.imports if not name.startswith(".")}
            absent = {top for top in tops - provided if not self._graph.modules.has(top)}
            if not absent:
                continue
            for imported in self._graph.module(path).imports:
                top = imported.module.partition(".")[0]
                if not imported.level and top in absent:
                    yield Problem(
                        rule="dag-import",
                        message=f"nothing provides the module {top!r}: neither the project, its "
                        "requirements, Airflow nor Python",
                        line=imported.line,
                        column=imported.column,
                        severity="warning",
                        name=self.name(path),
                    )
