"""What a path affects: the image, the DAGs or nothing. Pure; the first matching rule decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from astro_ci.dockerignore import DockerIgnore
from astro_ci.model import Affects, Change, PathChange
from astro_ci.paths import below, is_under

# Relative to the project's root. They never reach into the DAGs directory, so that a project
# whose DAGs live under `tests/` or `docs/` is not ignored altogether.
DEFAULT_IGNORE = (
    *("*.md", "LICENSE*", "docs/**", "tests/**"),
    *(".github/**", ".gitea/**", ".forgejo/**", ".gitlab-ci.yml", ".gitlab/**", ".circleci/**"),
    *("Jenkinsfile", "azure-pipelines.yml", ".azure-pipelines/**", "bitbucket-pipelines.yml"),
    *(".buildkite/**", ".drone.yml", ".woodpecker.yml", ".woodpecker/**", "buildspec.yml"),
    *(".teamcity/**", ".travis.yml", ".pre-commit-config.yaml", "CODEOWNERS"),
    *(".git-blame-ignore-revs", ".gitignore", ".gitmodules", ".mailmap"),
    *(".editorconfig", ".vscode/**", ".idea/**", ".devcontainer/**"),
    *("astro-ci.yaml", "astro-ci.yml"),
)

ATTRIBUTES = ".gitattributes"
_SOME_NAME = "some file"


def parse_globs(patterns: Sequence[str], *, name: str) -> DockerIgnore:
    """Read `ignore` or `image-paths`: globs with the syntax and the meaning of `.dockerignore`.

    `*` stays within a directory, `**` does not, a directory stands for what is below it.
    Raises ProjectError for a pattern that cannot be read.
    """
    return DockerIgnore.parse("\n".join(patterns), name=name)


def _no_globs() -> DockerIgnore:
    return DockerIgnore.parse("")


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Where things are, and what the user says of them. Paths are relative to the repository."""

    project: str
    """The project's directory; empty for the repository root."""
    dags: Sequence[str]
    """The DAGs directory; more than one path when it is reached through a link."""
    dockerfile: str = "Dockerfile"
    """Relative to the project."""
    dockerignore: DockerIgnore = field(default_factory=_no_globs)
    ignore: DockerIgnore = field(default_factory=_no_globs)
    image_paths: DockerIgnore = field(default_factory=_no_globs)
    is_leftover: Callable[[str], bool] = lambda _path: False
    """Whether a path never ships with the DAGs, even when it was committed."""
    default_ignore: DockerIgnore = field(
        default_factory=lambda: parse_globs(DEFAULT_IGNORE, name="the default ignore list")
    )

    @property
    def build_files(self) -> Sequence[str]:
        """What steers the build, relative to the project."""
        return (self.dockerfile, ".dockerignore", f"{self.dockerfile}.dockerignore")

    @property
    def attribute_files(self) -> Sequence[str]:
        """Where git looks for what it makes of the project's files (line ends, encodings)."""
        return [
            (directory / ATTRIBUTES).as_posix()
            for directory in (PurePosixPath(self.project), *PurePosixPath(self.project).parents)
        ]

    @cached_property
    def _directories_of_named_files(self) -> frozenset[str]:
        """Where a rule names a file, or the DAGs directory, by its whole path."""
        in_project = [f"{self.project}/{name}".lstrip("/") for name in self.build_files]
        named = (*in_project, *self.attribute_files, *self.dags)
        return frozenset(path.rpartition("/")[0] for path in named)

    def counts_although_ignored(self, path: str) -> bool:
        """Whether a path that git ignores counts: DAGs, image-paths, and what steers the build."""
        inner = below(path, self.project)
        return (
            self.classify(path)[0] == "dags"
            or inner in self.build_files
            or any(map(self.image_paths.excludes, filter(None, (path, inner))))
        )

    def classify(self, path: str) -> tuple[Affects, str]:
        """Say what a path affects, and by which rule."""
        inner = below(path, self.project)
        if inner in self.build_files:
            return "image", f"{inner} shapes the image"
        for name in filter(None, (path, inner)):
            if self.image_paths.excludes(name):
                return "image", f"image-paths: {self.image_paths.matching_pattern(name)}"
        for name in filter(None, (path, inner)):
            if self.ignore.excludes(name):
                return "nothing", f"ignore: {self.ignore.matching_pattern(name)}"
        if path.endswith(ATTRIBUTES) and path in self.attribute_files:
            return "image", f"{ATTRIBUTES} shapes every file that git checks out"
        for directory in self.dags:
            if is_under(path, directory):
                if self.is_leftover(path):
                    return "nothing", "a leftover of tools, which never ships"
                return "dags", f"under {directory or '.'}/"
        if inner is None:
            return "nothing", "outside the project"
        if self.default_ignore.excludes(inner):
            return "nothing", f"ignored by default: {self.default_ignore.matching_pattern(inner)}"
        if self.dockerignore.excludes(inner):
            return "nothing", f".dockerignore: {self.dockerignore.matching_pattern(inner)}"
        return "image", "in the image"

    def affects_all_in(self, directory: str) -> Affects | None:
        """Say what every file right in a directory affects; None when it depends on the name.

        Leftovers of tools aside, which `excludes` tells by their names. May be None where all are
        alike; what it says holds for each.
        """
        if directory in self._directories_of_named_files:
            return None
        inner = below(directory, self.project)
        names = [name for name in (directory, inner) if name]
        sets = (self.image_paths, self.ignore)
        if not all(rules.is_uniform_in(name) for rules in sets for name in names):
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
            affects, because = self.classify(change.path)
            explained.append(
                Change(path=change.path, status=change.status, affects=affects, because=because)
            )
        return explained
