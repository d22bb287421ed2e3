"""What stays out of a build's context whatever the ignore file says."""

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
    """Say which paths to leave out: the DAGs, or the leftovers when the image holds the DAGs.

    `dags` are the names of the DAGs directory in the context. `is_venv` tells whether a directory,
    relative to that one, is a virtual environment. `written` are files of the run itself.
    """
    if not dags_ship:
        return {*dags, *written}.__contains__
    is_leftover = leftover_matcher(is_venv)

    def is_left_out(path: str) -> bool:
        names = (below(path, directory) for directory in dags)
        # As if it were a directory: then it is asked about itself as well.
        return path in written or any(name and is_leftover(f"{name}/.") for name in names)

    return is_left_out


def left_out_of(
    project: Project, *, dags_ship: bool, written: Collection[str] = ()
) -> Callable[[str], bool]:
    """Say which files of the checkout to leave out of the image; see `left_out`."""
    return left_out(
        project.dags_in_context,
        dags_ship=dags_ship,
        is_venv=lambda name: (project.dags / name / VENV_MARKER).exists(),
        written=written,
    )
