"""What a path affects: the image, the DAGs or nothing. Pure; the first matching rule decides."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from pathlib import PurePosixPath

from msgspec import Struct, field

from astro_ci.model import NO_PARTS, Change, Part, PathChange
from astro_ci.paths import below, is_under, join
from astro_ci.project.dockerignore import DockerIgnore, ignore_file_names
from astro_ci.project.leftovers import VENV_MARKER
from astro_ci.text import excerpt

_IGNORED = (
    *("*.md", "LICENSE*", "docs/**", "tests/**", ".pre-commit-config.yaml", "CODEOWNERS"),
    *(".git-blame-ignore-revs", ".gitignore", ".gitmodules", ".mailmap"),
    *(".editorconfig", ".vscode/**", ".idea/**", ".devcontainer/**"),
    *("astro-ci.yaml", "astro-ci.yml"),
)

ATTRIBUTES = ".gitattributes"
_SOME_NAME = "some file"
_BOTH = frozenset(Part)
_ALONE: Mapping[Part | None, frozenset[Part]] = {
    None: NO_PARTS,
    **{part: frozenset((part,)) for part in Part},
}


def parse_globs(patterns: Sequence[str], *, name: str) -> DockerIgnore:
    """Read `ignore` or `image-paths`: globs with the syntax and the meaning of `.dockerignore`.

    `*` stays within a directory, `**` does not, a directory stands for what is below it.
    Raises ProjectError for a pattern that cannot be read.
    """
    return DockerIgnore.parse("\n".join(patterns), name=name)


def default_ignore(ci_files: Sequence[str]) -> Sequence[str]:
    """List the globs that are ignored by default, with the files of the CI systems.

    The files are those of every system, so that a plan does not depend on where it is made.
    """
    return (*_IGNORED, *ci_files)


def build_files(dockerfile: str) -> Sequence[str]:
    """List the files that control a build from a Dockerfile, the Dockerfile included."""
    return (dockerfile, *ignore_file_names(dockerfile))


def _no_globs() -> DockerIgnore:
    return DockerIgnore.parse("")


class Rules(Struct, frozen=True, kw_only=True, dict=True):
    """Where things are, and the user's patterns. Paths are relative to the repository."""

    project: str
    """The project's directory; empty for the repository root."""
    dags: Sequence[str]
    """The DAGs directory; more than one path when it is reached through a link."""
    default_ignore: DockerIgnore
    """Relative to the project. Never reaches into the DAGs directory, so that a project whose DAGs
    live under `tests/` or `docs/` is not ignored altogether."""
    dockerfile: str = "Dockerfile"
    """Relative to the project."""
    dockerignore: DockerIgnore = field(default_factory=_no_globs)
    ignore: DockerIgnore = field(default_factory=_no_globs)
    image_paths: DockerIgnore = field(default_factory=_no_globs)
    written: Collection[str] = ()
    """Files and directories of the run itself, such as a saved plan: no part of the project."""
    build_links: Sequence[str] = ()
    """The links and the target behind a build file that is a link."""
    is_leftover: Callable[[str], bool] = lambda _path: False
    """Whether a path never ships with the DAGs, even when it was committed."""

    @property
    def build_files(self) -> Sequence[str]:
        """List the files that control the build, relative to the project."""
        return build_files(self.dockerfile)

    @cached_property
    def attribute_files(self) -> frozenset[str]:
        """List the .gitattributes files that apply to the deployed files."""
        return _attribute_files(self.project) | self._attribute_files_of_dags

    @cached_property
    def _attribute_files_of_dags(self) -> frozenset[str]:
        return frozenset().union(*map(_attribute_files, self.dags)) - {
            join(directory, ATTRIBUTES) for directory in self.dags
        }

    @cached_property
    def _image_paths(self) -> DockerIgnore:
        return self.image_paths.also_within(self.project)

    @cached_property
    def _ignore(self) -> DockerIgnore:
        return self.ignore.also_within(self.project)

    @cached_property
    def _directories_of_named_files(self) -> frozenset[str]:
        """List the directories in which a rule names a file, or the DAGs directory, by its path."""
        in_project = [join(self.project, name) for name in self.build_files]
        named = (*in_project, *self.build_links, *self.attribute_files, *self.dags, *self.written)
        return frozenset(path.rpartition("/")[0] for path in named)

    def is_written(self, path: str) -> bool:
        """Whether a path is a file of the run itself."""
        return any(is_under(path, own) for own in self.written)

    def never_ships(self, path: str) -> bool:
        """Whether an untracked path is no part of what ships."""
        return self.is_leftover(path) or self.is_written(path)

    def counts_although_ignored(self, path: str) -> bool:
        """Whether a path that git ignores counts: DAGs, image-paths, and what steers the build."""
        inner = below(path, self.project)
        return (
            self._first_rule(path)[0] is Part.DAGS
            or inner in self.build_files
            or path in self.build_links
            or self._image_paths.excludes(path)
        )

    def classify(self, path: str) -> tuple[frozenset[Part], str]:
        """Say which parts a path is in, or shapes, and by which rule: what the path is or does."""
        part, because = self._first_rule(path)
        if part is Part.IMAGE and self._ships_with_dags(path):
            return _BOTH, because
        return _ALONE[part], because

    def _first_rule(self, path: str) -> tuple[Part | None, str]:
        inner = below(path, self.project)
        if self.is_written(path):
            return None, "is a file of this run"
        if inner in self.build_files:
            return Part.IMAGE, "shapes the image"
        if path in self.build_links:
            return Part.IMAGE, "is what a file that shapes the image links to"
        if self._image_paths.excludes(path):
            return Part.IMAGE, f"matches image-paths: {_rule(self._image_paths, path)}"
        if self._ignore.excludes(path):
            return None, f"matches ignore: {_rule(self._ignore, path)}"
        if path.endswith(ATTRIBUTES) and path in self.attribute_files:
            is_for_dags = path not in _attribute_files(self.project)
            why = "shapes every file that git checks out"
            return Part.DAGS if is_for_dags else Part.IMAGE, why
        if path in self.dags[1:]:
            return Part.IMAGE, "is the link to the DAGs, which the image leaves out"
        for directory in self.dags:
            if is_under(path, directory):
                if path.endswith(VENV_MARKER) and PurePosixPath(path).name == VENV_MARKER:
                    return Part.DAGS, "makes its directory a virtual environment, which never ships"
                if self.is_leftover(path):
                    return None, "is a leftover of tools, which never ships"
                return Part.DAGS, f"is under {directory or '.'}/"
        if inner is None:
            return None, "is outside the project"
        if self.default_ignore.excludes(inner):
            return None, f"is ignored by default: {_rule(self.default_ignore, inner)}"
        if self.dockerignore.excludes(inner):
            return None, f"is left out by .dockerignore: {_rule(self.dockerignore, inner)}"
        return Part.IMAGE, "is built into the image"

    def _ships_with_dags(self, path: str) -> bool:
        """Whether a path of the image ships with the DAGs, too, or shapes them."""
        if path in self._attribute_files_of_dags:
            return True
        return any(is_under(path, directory) for directory in self.dags) and not self.is_leftover(
            path
        )

    def parts_of_all_in(self, directory: str) -> frozenset[Part] | None:
        """Say which parts every file right in a directory is in; None when it depends on the name.

        Leftovers of tools aside, which `is_excluded_name` tells by their names. May be None where
        all are alike; what it says holds for each.
        """
        if directory in self._directories_of_named_files:
            return None
        inner = below(directory, self.project)
        if not all(rules.is_uniform_in(directory) for rules in (self._image_paths, self._ignore)):
            return None
        if inner and not (
            self.default_ignore.is_uniform_in(inner) and self.dockerignore.is_uniform_in(inner)
        ):
            return None
        return self.classify(f"{directory}/{_SOME_NAME}")[0]

    def explain(self, changes: Sequence[PathChange]) -> list[Change]:
        """Classify what changed, sorted by path."""
        explained = []
        for change in sorted(changes, key=lambda change: change.path):
            parts, because = self.classify(change.path)
            explained.append(
                Change(path=change.path, status=change.status, parts=parts, because=because)
            )
        return explained


def _rule(rules: DockerIgnore, path: str) -> str:
    """Quote the line that decided about a path."""
    return excerpt(rules.matching_pattern(path) or "")


def _attribute_files(directory: str) -> frozenset[str]:
    """List the .gitattributes files that apply to the files right in a directory."""
    path = PurePosixPath(directory)
    return frozenset((above / ATTRIBUTES).as_posix() for above in (path, *path.parents))
