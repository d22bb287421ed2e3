"""List the files of a DAGs directory that are deployed."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from astro_ci.errors import ProjectError
from astro_ci.paths import join
from astro_ci.project.leftovers import VENV_MARKER, is_excluded_name
from astro_ci.text import printable

log = logging.getLogger(__name__)

DAG_SUFFIXES = (".py", ".zip", ".yaml", ".yml")
_NO_MORE = tuple(f"/{suffix}" for suffix in DAG_SUFFIXES)  # a file named only `.py` has no suffix


class Member(NamedTuple):
    """A file or link that is deployed. A named tuple, because there may be many members."""

    name: str
    """The path relative to the DAGs directory, with `/`; invalid UTF-8 as surrogate escapes."""
    source: str
    """The path on this disk."""
    link: str | None = None
    """The target as written, for a symbolic link; None for a file."""


def list_members(dags: Path) -> list[Member]:
    """List the files that ship, sorted by the bytes of their names. Links are not followed.

    Raises ProjectError when the directory or a subdirectory cannot be read.
    """
    try:
        members = list(_walk(Path(os.path.realpath(dags))))
    except OSError as error:
        where = printable(os.fsdecode(error.filename or ""))
        raise ProjectError(
            f"the DAGs directory {printable(str(dags))} cannot be read: {error.strerror}: {where}",
            hint="Check --project and --dags-path, and the permissions of the files.",
        ) from error
    return sorted(members, key=lambda member: os.fsencode(member.name))


def has_dag_suffix(name: str) -> bool:
    """Whether, by the file's name, Airflow may find DAGs in it or a DAG factory may read it."""
    name = f"/{name}".lower()
    return name.endswith(DAG_SUFFIXES) and not name.endswith(_NO_MORE)


def directories(members: Collection[Member], prefix: str) -> frozenset[str]:
    """Return all parent directories of the members, and the prefix even without members."""
    found = {""}
    for path in (f"{prefix}/", *(join(prefix, member.name) for member in members)):
        parent = path.rpartition("/")[0]
        while parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return frozenset(found - {""})


def _walk(root: Path) -> Iterator[Member]:
    pending = [""]
    while pending:
        below = pending.pop()
        with os.scandir(root / below) as found:
            entries = list(found)
        if below and any(entry.name == VENV_MARKER for entry in entries):
            continue
        for entry in entries:
            name = f"{below}/{entry.name}" if below else entry.name
            if is_excluded_name(entry.name):
                continue
            if entry.is_file(follow_symlinks=False):
                yield Member(name, entry.path)
            elif entry.is_symlink():
                target = os.readlink(entry.path)  # noqa: PTH115 - a Path would normalize it
                yield Member(name, entry.path, target)
            elif entry.is_dir():
                pending.append(name)
            else:
                log.warning(
                    "%s is neither a file nor a link, so it is not deployed", printable(entry.path)
                )
