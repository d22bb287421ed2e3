"""Walk the DAGs directory as Airflow does, and also list the files that Airflow ignores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from astro_ci.checks.static import airflowignore
from astro_ci.checks.static.airflowignore import IgnoreFile, Pattern
from astro_ci.checks.static.limits import MATCH_SECONDS, TooSlowError, time_limit
from astro_ci.checks.static.request import Problem, Request
from astro_ci.checks.static.source import is_inside, read_source
from astro_ci.project.leftovers import VENV_MARKER, is_excluded_name


class Found(NamedTuple):
    """A file under the DAGs directory."""

    name: str
    """The path relative to the DAGs directory."""
    path: str
    is_ignored: bool
    """Whether `.airflowignore` excludes the file."""
    is_outside: bool
    """Whether the file is a link to a target outside the repository."""


class Walk:
    """One walk of the DAGs directory, and the problems that it found."""

    def __init__(self, request: Request, beat: Callable[[str], None]) -> None:
        """Take `beat`, which is called with each directory before the directory is listed."""
        self.request = request
        self.beat = beat
        self.problems: list[Problem] = []
        """The names of problems are relative to the DAGs directory."""
        self.not_checked: list[str] = []
        self._seen: set[str] = set()
        self._is_too_slow = False

    def files(self) -> list[Found]:
        """List the files, sorted by name within each directory."""
        found: list[Found] = []
        pending: list[tuple[str, bool, list[Pattern]]] = [("", False, [])]
        while pending:
            name, is_ignored, patterns = pending.pop()
            directories = []
            for entry in self._directory(name, is_ignored, patterns):
                if isinstance(entry, Found):
                    found.append(entry)
                else:
                    directories.append(entry)
            pending.extend(reversed(directories))
        return found

    def _directory(
        self, name: str, is_ignored: bool, patterns: list[Pattern]
    ) -> Iterator[Found | tuple[str, bool, list[Pattern]]]:
        self.beat(f"{self.request.dags}/{name}")
        entries = self._entries(name)
        if name and any(entry.name == VENV_MARKER for entry in entries):
            return
        if not is_ignored and any(entry.name == airflowignore.NAME for entry in entries):
            patterns = [*patterns, *self._read_ignore_file(name)]
            if self.request.uses_globs and self.request.airflow < (3, 1):
                patterns = list(dict.fromkeys(patterns))
        for entry in entries:
            if is_excluded_name(entry.name) or entry.name == airflowignore.NAME:
                continue
            inner = f"{name}/{entry.name}" if name else entry.name
            is_directory = self._is_directory(entry)
            leaves_out = is_ignored or self._leaves_out(patterns, inner, is_directory)
            if not is_directory:
                is_outside = entry.is_symlink() and not self._stays_inside(entry.path)
                yield Found(inner, entry.path, leaves_out, is_outside)
            elif self._enters(entry, inner, leaves_out):
                yield inner, leaves_out, patterns

    def _entries(self, name: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self.request.dags}/{name}" if name else self.request.dags) as found:
                return sorted(found, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            message = f"the directory cannot be read: {error.strerror}"
            self.problems.append(Problem(rule="dag-unreadable", message=message, name=name))
            return []

    def _is_directory(self, entry: os.DirEntry[str]) -> bool:
        try:
            if not entry.is_dir():
                return False
        except OSError:  # such as a link to itself
            return False
        return not entry.is_symlink() or self._stays_inside(entry.path)

    def _stays_inside(self, path: str) -> bool:
        return is_inside(path, self.request.repository)

    def _enters(self, entry: os.DirEntry[str], name: str, leaves_out: bool) -> bool:
        """Whether to walk a directory. Airflow stops its walk when it reaches a directory twice."""
        if leaves_out:
            return not entry.is_symlink()
        real = os.path.realpath(entry.path)
        if real not in self._seen:
            self._seen.add(real)
            return True
        self.problems.append(
            Problem(
                rule="dag-link-loop",
                message="Airflow reaches this directory a second time, and stops looking for DAGs",
                name=name,
            )
        )
        return False

    def _leaves_out(self, patterns: list[Pattern], name: str, is_directory: bool) -> bool:
        if not patterns or self._is_too_slow:
            return False
        try:
            with time_limit(MATCH_SECONDS):
                return airflowignore.is_ignored(
                    patterns,
                    name,
                    is_directory=is_directory,
                    uses_globs=self.request.uses_globs,
                )
        except TooSlowError:
            self._is_too_slow = True
            message = f"a pattern takes more than {MATCH_SECONDS:.0f} s to match a path"
            where = airflowignore.NAME
            self.problems.append(Problem(rule="airflowignore-pattern", message=message, name=where))
            return False

    def _read_ignore_file(self, directory: str) -> list[Pattern]:
        name = f"{directory}/{airflowignore.NAME}" if directory else airflowignore.NAME
        path = f"{self.request.dags}/{name}"
        if os.path.islink(path) and not self._stays_inside(path):  # noqa: PTH114 - quicker
            return []
        data = read_source(path)
        if data is None:
            return []
        if isinstance(data, Problem):
            self._add(data, name)
            return []
        try:
            text = data.decode().replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            message = "Airflow stops at this file, which is not UTF-8"
            self._add(Problem(rule="dag-encoding", message=message), name)
            return []
        found = IgnoreFile(text, directory=directory, request=self.request)
        for problem in found.problems:
            self._add(problem, name)
        self.not_checked.extend(f"{name}, {reason}" for reason in found.not_judged)
        return found.patterns

    def _add(self, problem: Problem, name: str) -> None:
        self.problems.append(problem._replace(name=name))
