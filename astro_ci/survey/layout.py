"""Find the project and its DAGs in the repository, and make the rules for files that ship."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath

from msgspec import Struct

from astro_ci.ci.systems.index import FILES
from astro_ci.configuration.config import Config
from astro_ci.errors import ProjectError
from astro_ci.git import GitRepo
from astro_ci.paths import join
from astro_ci.planning.rules import Rules, build_files, default_ignore, parse_globs
from astro_ci.project.find import Project
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher
from astro_ci.text import excerpt

_MAX_LINKS = 40  # Linux too reports a loop after 40 links


class Layout(Struct, frozen=True, kw_only=True):
    """The paths of the project and its DAGs from the repository root."""

    project: str
    dags: Sequence[str]

    @classmethod
    def find(cls, repo: GitRepo, project: Project) -> Layout:
        """Find the paths. Raises ProjectError when a directory is outside the repository."""
        root = repo.relative(project.root)
        if root is None:
            raise ProjectError(f"{project.root} is not inside the repository {repo.root}")
        real = repo.relative(project.dags)
        if real is None:
            raise ProjectError(
                f"the DAGs directory {excerpt(str(project.dags))} leads out of the repository "
                f"{repo.root}",
                hint="Name a directory inside the repository with --dags-path.",
            )
        _refuse_other_repository(repo, real)
        # When the DAGs directory is a link, git reports changes of both the link and its target.
        named = Path(os.path.abspath(project.dags))  # noqa: PTH100 - links stay links
        link = named.relative_to(repo.root).as_posix() if named.is_relative_to(repo.root) else real
        return cls(project=root, dags=tuple(dict.fromkeys((real, "" if link == "." else link))))

    def in_project(self, name: str) -> str:
        """Return the path from the repository root for a path in the project."""
        return join(self.project, name)

    def scopes(self, rules: Rules) -> list[str]:
        """List the directories to search for files that ship."""
        if rules.image_paths.patterns:
            return [""]
        return [self.project, *self.dags, *sorted(rules.attribute_files), *rules.build_links]


def make_rules(
    config: Config,
    repo: GitRepo,
    project: Project,
    layout: Layout,
    *,
    written: Collection[Path] = (),
) -> Rules:
    """Make the rules that decide which parts a path affects; `written` are files of this run.

    Raises ConfigurationError for a bad glob, ProjectError for a path outside the repository.
    """
    return Rules(
        project=layout.project,
        dags=layout.dags,
        default_ignore=parse_globs(default_ignore(FILES), name="the default ignore list"),
        dockerfile=project.dockerfile_name,
        dockerignore=project.read_dockerignore(),
        ignore=parse_globs(config.ignore, name="ignore"),
        image_paths=parse_globs(config.image_paths, name="image-paths"),
        written=_within(repo.root, written),
        build_links=_build_links(repo, project),
        is_leftover=_leftovers(repo, layout),
    )


def _within(root: Path, files: Collection[Path]) -> frozenset[str]:
    """Return paths from the repository root, without files outside the repository."""
    real = Path(os.path.realpath(root))
    paths = [Path(os.path.realpath(file.parent), file.name) for file in files]
    return frozenset(
        path.relative_to(real).as_posix() for path in paths if path.is_relative_to(real)
    )


def named_directories(image_paths: Sequence[str], repo: GitRepo, layout: Layout) -> list[str]:
    """Return the literal directories with which the globs of `image-paths` start."""
    found = []
    for glob in image_paths:
        parts = [part for part in glob.lstrip("!").split("/") if part not in ("", ".")]
        literal = list(takewhile(lambda part: not set(part) & set("*?[\\"), parts))
        if ".." in literal:
            continue  # `..` would leave the repository
        for start in ("", layout.project):
            path = "/".join(filter(None, (start, *literal)))
            if (repo.root / path).exists():
                found.append(path)
    return found


def _leftovers(repo: GitRepo, layout: Layout) -> Callable[[str], bool]:
    """Make the predicate for paths that never ship. The project may be in a virtual environment."""
    held = [PurePosixPath(path) for path in (layout.project, *layout.dags)]
    around = {above.as_posix() for path in held for above in (path, *path.parents)}
    return leftover_matcher(
        lambda path: path not in around and (repo.root / path / VENV_MARKER).exists()
    )


def _build_links(repo: GitRepo, project: Project) -> list[str]:
    """Return the links and targets behind the build's own files, such as the Dockerfile."""
    found: dict[str, None] = {}
    for name in build_files(project.dockerfile_name):
        if not (project.root / name).is_symlink():
            continue
        for step in _steps(project.root / name):
            path = repo.relative(step.parent)
            if path is None:
                raise ProjectError(
                    f"{name} is a link that leads out of the repository {repo.root}, to "
                    f"{excerpt(str(step))}",
                    hint="Move the target into the repository: changes outside would not be "
                    "noticed.",
                )
            found[join(path, step.name)] = None
    return list(found)


def _steps(path: Path) -> Iterator[Path]:
    """Yield each link on the way to the target of a path, and the target last."""
    here, ahead = Path(path.anchor), list(path.parts[:0:-1])
    links_left = _MAX_LINKS
    while ahead:
        part = ahead.pop()
        if part == os.pardir:
            here = here.parent
        elif (here / part).is_symlink() and links_left:
            links_left -= 1
            yield here / part
            target = Path(os.readlink(here / part))  # noqa: PTH115 - as written
            here = Path(target.anchor) if target.anchor else here
            ahead.extend(part for part in reversed(target.parts) if part != target.anchor)
        else:
            here /= part
    yield here


def _refuse_other_repository(repo: GitRepo, dags: str) -> None:
    """Raise ProjectError for DAGs in a submodule or clone, which git compares only as a whole."""
    above = [path.as_posix() for path in PurePosixPath(dags).parents if path.as_posix() != "."]
    inner = next((path for path in above if (repo.root / path / ".git").exists()), None)
    if inner:
        raise ProjectError(
            f"the DAGs directory {dags} lies in another repository, {inner}",
            hint="Use the whole submodule as the DAGs directory, or deploy from a checkout of that "
            "repository; a directory within a submodule cannot be compared with what runs.",
        )
