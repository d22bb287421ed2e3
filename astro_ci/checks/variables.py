"""Read the variables for DAG files and tests, from a file and from the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from astro_ci.errors import ConfigurationError
from astro_ci.project.files import read_named_text, remedy
from astro_ci.text import printable

DEFAULT_FILE = ".env"
_PREFIX = "AIRFLOW_VAR_"
_MOST_BYTES = 1_000_000


def read_env_file(path: Path) -> dict[str, str]:
    """Read lines of `NAME=value` as `docker run --env-file` does, but remove quotes around values.

    Raises ConfigurationError when the file cannot be read, or when a line is not an assignment.
    """
    try:
        text = read_named_text(path, most_bytes=_MOST_BYTES, errors="surrogateescape")
    except OSError as error:
        raise ConfigurationError(
            f"the file of variables {printable(str(path))} cannot be read: {error.strerror}",
            hint=remedy(error),
        ) from error
    return dict(_assignments(path, text))


def airflow_variables(assignments: Iterable[str]) -> dict[str, str]:
    """Turn each `NAME=value` into the `AIRFLOW_VAR_*` variable that sets an Airflow Variable.

    Raises ConfigurationError when an assignment has no name or no `=`.
    """
    found = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not (name and equals):
            raise ConfigurationError(
                f"--set-variable {printable(name)!r} has no value",
                hint="Write --set-variable NAME=VALUE.",
            )
        found[_PREFIX + name.upper()] = value
    return found


def _assignments(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip().removeprefix("export ")
        if not stripped or stripped.startswith("#"):
            continue
        name, equals, value = stripped.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][\w.]*", name.strip(), re.ASCII):
            raise ConfigurationError(
                f"line {number} of {printable(str(path))} is not an assignment NAME=value",
                hint="Write NAME=value, or start a comment with #.",
            )
        yield name.strip(), _unquoted(value.strip())


def _unquoted(value: str) -> str:
    has_quotes = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    return value[1:-1] if has_quotes else value
