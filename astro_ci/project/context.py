"""Decide which files stay out of a build context, whatever the ignore file says."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from astro_ci.paths import below
from astro_ci.project.find import Project
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher


def left_out(
    dags: Sequence[str],
    *,
    dags_ship: bool,
    is_venv: Callable[[str], bool],
    written: Collection[str] = (),
) -> Callable[[str], bool]:
    """Make a predicate for paths to leave out: all DAGs, or leftovers when the image holds DAGs.

    `dags` are the names of the DAGs directory in the context. `is_venv` tells whether a directory,
    relative to the DAGs directory, is a virtual environment. `written` are files that this run
    writes.
    """
    if not dags_ship:
        return {*dags, *written}.__contains__
    is_leftover = leftover_matcher(is_venv)

    def is_left_out(path: str) -> bool:
        names = (below(path, directory) for directory in dags)
        # Asked as a directory, so that the name of the path itself is checked too.
        return path in written or any(name and is_leftover(f"{name}/.") for name in names)

    return is_left_out


def left_out_of(
    project: Project, *, dags_ship: bool, written: Collection[str] = ()
) -> Callable[[str], bool]:
    """Make the predicate of `left_out` for a project."""
    return left_out(
        project.dags_in_context,
        dags_ship=dags_ship,
        is_venv=lambda name: (project.dags / name / VENV_MARKER).exists(),
        written=written,
    )
