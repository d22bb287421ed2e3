"""Count the DAG files to ship and at the base commit, for the guard against deploying no DAGs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from astro_ci.bundle import has_dag_suffix, list_members
from astro_ci.git import GITLINK, GitRepo
from astro_ci.model import Change, Part, Status
from astro_ci.paths import below, is_under
from astro_ci.planning.comparison import Comparison
from astro_ci.planning.guards import DagFiles
from astro_ci.planning.rules import Rules
from astro_ci.project.find import Project
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher, may_hold_excluded_names
from astro_ci.text import excerpt

if TYPE_CHECKING:  # imported only for a prebuilt image
    from astro_ci.image.source import ReadyImage

_IGNORE_FILE = ".airflowignore"


def names_in_listing(lines: Sequence[str], directory: str, rules: Rules) -> list[str] | None:
    """Return the files that ship from the DAGs directory, relative to it; None when unknown.

    `lines` have the format of `git ls-files --stage`, in which a nested repository is one line, so
    that its files are unknown.
    """
    links = (line.partition("\t")[2] for line in lines if line.startswith(GITLINK))
    if any(is_under(link, directory) or is_under(directory, link) for link in links):
        return None
    mark = f"\t{directory}/" if directory else "\t"
    names = [name for _, found, name in (line.partition(mark) for line in lines) if found]
    text = "\0".join(names)
    if may_hold_excluded_names(text) or VENV_MARKER in text:
        start = f"{directory}/" if directory else ""
        names = [name for name in names if not rules.is_leftover(f"{start}{name}")]
    return names


def count_dag_files(
    names: Sequence[str] | None,
    project: Project,
    directory: str,
    rules: Rules,
    *,
    repo: GitRepo,
    compared: Comparison,
    is_bundle: bool,
    ignored: Callable[[], Collection[str]] = frozenset,
) -> DagFiles:
    """Count the DAG files that would be deployed, and those at the base commit.

    `ignored` returns the files that `.airflowignore` excludes, which are not DAG files. `names`
    are the files in git's listing; None reads the directory. Without a bundle the image holds the
    DAGs, so .dockerignore applies. Raises ProjectError when the directory cannot be read.
    """
    is_plain = names is not None
    if names is None:
        found = list_members(project.dags) if project.has_dags else []
        names = [member.name for member in found]
    inside = project.dags_in_context

    def ships(name: str) -> bool:
        return is_bundle or (
            bool(inside) and not rules.dockerignore.excludes(f"{inside[0]}/{name}")
        )

    shipped = names if is_bundle else [name for name in names if ships(name)]
    before = None
    may_be_fewer = not is_plain or any(map(_takes_away, compared.changes or ()))
    if compared.base and compared.changes is not None and may_be_fewer:
        before = _count_at(repo, compared.base, directory, ships)
    left_out = ignored() if any(map(_is_ignore_file, shipped)) else ()
    dag_files = sum(has_dag_suffix(name) and name not in left_out for name in shipped)
    left_out_by = ""
    if inside and not is_bundle and not dag_files:
        left_out_by = _line_of(rules, [f"{inside[0]}/{one}" for one in names])
    return DagFiles(
        shipped=len(shipped), dag_files=dag_files, before=before, left_out_by=left_out_by
    )


def _line_of(rules: Rules, names: Sequence[str]) -> str:
    """Quote the line of .dockerignore that excludes the first DAG file; empty when none does."""
    lost = next((one for one in names if has_dag_suffix(one)), "")
    if not lost or not rules.dockerignore.excludes(lost):
        return ""
    return excerpt(rules.dockerignore.matching_pattern(lost) or "")


def count_image_files(image: ReadyImage) -> DagFiles | None:
    """Count the DAG files of a prebuilt image; None when the image could not be read."""
    names = image.dag_files()
    if names is None:
        return None
    return DagFiles(shipped=len(names), dag_files=sum(map(has_dag_suffix, names)), before=None)


def _is_ignore_file(name: str) -> bool:
    return name.endswith(_IGNORE_FILE) and name.rpartition("/")[2] == _IGNORE_FILE


def _takes_away(change: Change) -> bool:
    """Whether a change can reduce the files that ship."""
    return Part.DAGS in change.parts and (
        change.status is Status.DELETED or change.path.endswith(VENV_MARKER)
    )


def _count_at(
    repo: GitRepo, commit: str, directory: str, ships: Callable[[str], bool]
) -> int | None:
    paths = repo.files_at(commit, directory)
    if paths is None:
        return None
    names = [name for name in (below(path, directory) for path in paths) if name]
    venvs = {name.rpartition("/")[0] for name in names if name.endswith(f"/{VENV_MARKER}")}
    is_leftover = leftover_matcher(venvs.__contains__)
    return sum(ships(name) and not is_leftover(name) for name in names)
