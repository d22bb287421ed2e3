"""Match paths against `.airflowignore`, as the Airflow of the Runtime does.

Airflow has had three versions of its globs, which differ in how they name a directory and in what
`name/` matches. A regular expression matches anywhere in the path.
Sources: airflow/utils/file.py of 2.7 to 3.1,
airflow/_shared/module_loading/file_discovery.py of 3.2 and later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from astro_ci.checks.static.re2 import UnsupportedError, compile_re2
from astro_ci.checks.static.request import Problem, Request, Version
from astro_ci.paths import below

if TYPE_CHECKING:
    from astro_ci.finding import Severity

NAME = ".airflowignore"
_COMMENT = re.compile(r"\s*#.*")


class Pattern(Protocol):
    """A line of the file that has an effect."""

    def ignores(self, name: str, *, is_directory: bool) -> bool | None:
        """Whether the line ignores or includes a path; None when the line does not match.

        `name` is relative to the DAGs directory, with `/` between its parts.
        """
        ...


class _Regexp(NamedTuple):
    search: Callable[[str], object]

    def ignores(self, name: str, *, is_directory: bool) -> bool | None:
        return True if self.search(name) else None


class _Glob(NamedTuple):
    text: str
    expression: re.Pattern[str]
    is_ignored: bool
    directory: str | None
    """The directory of the `.airflowignore`, when the glob is relative to it; None when the glob
    matches a name in any directory."""
    airflow: Version

    def ignores(self, name: str, *, is_directory: bool) -> bool | None:
        if self.directory is None:
            name = name.rpartition("/")[2]
        else:
            name = below(name, self.directory) or name
        if self.airflow < (3, 1):
            has_slash = is_directory and self.text.endswith("/")
            found = self.expression.match(f"{name}/" if has_slash else name)
            return self.is_ignored if found else None
        is_for_directories = self.text.lstrip("!").rstrip().endswith("/")
        if self.airflow >= (3, 2) and is_for_directories and not is_directory:
            return None
        found = self.expression.search(f"{name}/" if is_directory else name)
        return self.is_ignored if found else None


class IgnoreFile:
    """The patterns of one `.airflowignore`, and the problems in it."""

    def __init__(self, text: str, *, directory: str, request: Request) -> None:
        self.patterns: list[Pattern] = []
        self.problems: list[Problem] = []
        self.not_judged: list[str] = []
        self._directory = directory
        self._request = request
        for number, line in enumerate(text.split("\n"), start=1):
            written = _COMMENT.sub("", line)
            if written:
                self._read(written, number)

    def _read(self, written: str, number: int) -> None:
        read = self._glob if self._request.uses_globs else self._regexp
        try:
            self.patterns.extend(read(written))
        except UnsupportedError as error:
            self.not_judged.append(f"line {number}: {error}")
        except re.error as error:
            self._tell(number, f"Airflow skips the pattern {written!r}: {error.msg}", "warning")
        except ValueError as error:  # an error of pathspec, which Airflow does not catch
            self._tell(number, f"Airflow stops at the pattern {written!r}: {error}", "error")

    def _tell(self, line: int, message: str, severity: Severity) -> None:
        rule = "airflowignore-pattern"
        self.problems.append(Problem(rule=rule, message=message, line=line, severity=severity))

    def _regexp(self, written: str) -> Iterator[Pattern]:
        # Airflow 3 uses Python's engine; earlier versions use RE2.
        is_python = self._request.airflow >= (3, 0)
        yield _Regexp((re.compile if is_python else compile_re2)(written).search)

    def _glob(self, written: str) -> Iterator[Pattern]:
        # Imported here, because most projects have no `.airflowignore`.
        from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

        if written.strip() == "/":
            raise re.error("a slash alone matches nothing")
        found = GitIgnoreSpecPattern(written)
        is_place = written.startswith("/") or "/" in written.rstrip("/")
        if found.include is None or found.regex is None:
            return
        yield _Glob(
            written,
            found.regex,
            found.include,
            self._directory if is_place else None,
            self._request.airflow,
        )


def is_ignored(patterns: list[Pattern], name: str, *, is_directory: bool, uses_globs: bool) -> bool:
    """Whether Airflow ignores a path. Of globs, the last line that matches decides."""
    verdict = False
    for pattern in patterns:
        found = pattern.ignores(name, is_directory=is_directory)
        if found is None:
            continue
        if not uses_globs:
            return True
        verdict = found
    return verdict
