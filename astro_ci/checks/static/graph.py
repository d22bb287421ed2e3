"""Find the files that parsed files import, directly or indirectly.

An error in an imported file breaks the parsed file too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import cache

from astro_ci.checks.static.look import Looked, look_at
from astro_ci.checks.static.module import Module
from astro_ci.checks.static.project_modules import ProjectModules
from astro_ci.checks.static.request import NEWEST, Problem, Request
from astro_ci.checks.static.source import read_source
from astro_ci.checks.static.syntax import FILE_NAME, OURS

_MOST_FILES = 20_000


class Graph:
    """The files that were read, by absolute path, and the project's files that they import."""

    def __init__(
        self,
        looked: Mapping[str, Looked],
        request: Request,
        beat: Callable[[str], None],
    ) -> None:
        self.looked = dict(looked)
        self.modules = ProjectModules(request.root, request.dags, request.repository)
        self._request = request
        self._beat = beat
        self._parsed = [path for path, found in looked.items() if found.is_parsed]
        self._edges: dict[str, set[str]] = {}
        self.module = cache(self._module)

    def grow(self) -> None:
        """Read every file that a parsed file may import."""
        pending, seen = deque(self._parsed), set(self._parsed)
        while pending:
            importer = pending.popleft()
            for path in self._may_import(importer):
                if path in seen or path in self._request.excluded or len(seen) > _MOST_FILES:
                    continue
                seen.add(path)
                if path not in self.looked:
                    self._beat(path)
                    found = look_at(path, self._request, is_ignored=True)
                    if found is None:
                        continue
                    self.looked[path] = found
                pending.append(path)

    def _may_import(self, importer: str) -> set[str]:
        if importer not in self._edges:
            names = self.looked[importer].imports
            self._edges[importer] = {
                path for name in names for path in self.modules.of_name(name, importer)
            }
        return self._edges[importer]

    def importers(self) -> dict[str, str]:
        """Map each file that a parsed file certainly imports to a file that imports it.

        Only imports that can lead to a broken file are followed.
        """
        broken = {path for path, found in self.looked.items() if found.problem}
        relevant = self._may_reach(broken)
        found: dict[str, str] = {}
        pending = deque(path for path in self._parsed if path in relevant)
        while pending:
            importer = pending.popleft()
            for imported in self.module(importer).imports:
                for path in self.modules.of_import(imported, importer):
                    if path in relevant and path not in found:
                        found[path] = importer
                        pending.append(path)
        return found

    def _may_reach(self, targets: Iterable[str]) -> set[str]:
        backwards: dict[str, set[str]] = {}
        for importer, paths in self._edges.items():
            for path in paths:
                backwards.setdefault(path, set()).add(importer)
        reached, pending = set(targets), deque(targets)
        while pending:
            for importer in backwards.get(pending.popleft(), ()):
                if importer not in reached:
                    reached.add(importer)
                    pending.append(importer)
        return reached

    def _module(self, path: str) -> Module:
        """Return the certain part of a file; empty when the file cannot be parsed."""
        found = self.looked.get(path)
        if found is None or found.problem or found.is_newer:
            return Module()
        data = read_source(path)
        if data is None or isinstance(data, Problem):
            return Module()
        self._beat(path)
        return parse_module(data, self._request)


def parse_module(data: bytes, request: Request) -> Module:
    """Read the certain part of a file that compiles; empty when its tree cannot be built."""
    # Imported here, because few projects need a syntax tree.
    import ast

    from astro_ci.checks.static.tree import read_module

    version = None if request.python in (NEWEST, OURS) or request.python > OURS else request.python
    try:
        return read_module(ast.parse(data, FILE_NAME, feature_version=version))
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        return Module()
