"""Find the project's files that an import runs, with `sys.path` as Airflow sets it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache

from astro_ci.checks.static.module import Import
from astro_ci.checks.static.source import is_inside

_ELSEWHERE = frozenset({*sys.stdlib_module_names, "airflow"})


class ProjectModules:
    """The modules in the project. Paths are absolute."""

    def __init__(self, root: str, dags: str, boundary: str) -> None:
        # Astro puts the project's root on the path; Airflow adds the other directories.
        self.roots = list(dict.fromkeys([root, dags, f"{root}/config", f"{root}/plugins"]))
        self._boundary = boundary
        self._find = cache(self._find_uncached)

    def has(self, name: str) -> bool:
        """Whether the project has a top-level module or a directory of that name."""
        top = name.partition(".")[0]
        return any(
            self._file(f"{directory}/{top}.py") or os.path.isdir(f"{directory}/{top}")  # noqa: PTH112
            for directory in self.roots
        )

    def of_name(self, name: str, importer: str = "") -> tuple[str, ...]:
        """Return the project's files that `import a.b.c` runs.

        A name with leading dots, as in the result of `may_import`, is relative to `importer`.
        """
        if name.startswith("."):
            module = name.lstrip(".")
            found = Import(module, len(name) - len(module), (), 0, 0)
            return tuple(self.of_import(found, importer))
        return () if name.partition(".")[0] in _ELSEWHERE else self._find(name)

    def of_import(self, found: Import, importer: str) -> Iterator[str]:
        """Yield the project's files that an import in `importer` runs."""
        if found.level:
            directory = importer
            for _ in range(found.level):
                directory = directory.rpartition("/")[0]
            yield from self._relative(directory, found)
            return
        yield from self.of_name(found.module)
        for name in found.names:
            if name != "*":
                yield from self.of_name(f"{found.module}.{name}")

    def _relative(self, directory: str, found: Import) -> Iterator[str]:
        parts = found.module.split(".") if found.module else []
        yield from self._below(directory, parts)
        for name in found.names:
            if name != "*":
                yield from self._below(directory, [*parts, name])

    def _find_uncached(self, name: str) -> tuple[str, ...]:
        for directory in self.roots:
            if found := tuple(self._below(directory, name.split("."))):
                return found
        return ()

    def _below(self, directory: str, parts: Iterable[str]) -> Iterator[str]:
        for part in parts:
            directory = f"{directory}/{part}"
            package = f"{directory}/__init__.py"
            module = f"{directory}.py"
            if self._file(package):
                yield package
            elif self._file(module):
                yield module
                return

    def _file(self, path: str) -> bool:
        """Whether the path is a file in the repository, after links are followed."""
        if not os.path.isfile(path):  # noqa: PTH113 - quicker
            return False
        return is_inside(path, self._boundary)
