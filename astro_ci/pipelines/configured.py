"""Read an existing `astro-ci.yaml`, which `init` does not change but writes a pipeline for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from astro_ci.configuration.config import Config
from astro_ci.configuration.file import ConfigFile, DeploymentEntry, ProjectEntry
from astro_ci.configuration.locate import find_config_file, load
from astro_ci.errors import ConfigurationError
from astro_ci.pipelines.render import ProjectTarget
from astro_ci.text import excerpt, listed, printable

_ADD = "Add it to the file by hand, and run init again for the pipeline file."


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What the file says about the projects."""

    name: str
    entries: Sequence[ProjectTarget]
    branches: Sequence[str]
    """The branches that deploy, without patterns."""
    has_more: bool
    """Whether patterns or tags deploy as well."""

    def notes(self, branch: str) -> list[str]:
        """Return notes for users: the file is unchanged, and which of its branches are missing."""
        found = [f"{self.name} already exists and was not changed"]
        others = [one for one in self.branches if one != branch]
        if others or self.has_more:
            what = listed(others) if others else "patterns or tags"
            found.append(
                f"{self.name} also deploys from {what}: add them to what starts the pipeline"
            )
        return found


def find_configured(root: Path, projects: Sequence[str], config: Config) -> Configured | None:
    """Read the file of these projects; None without a file.

    Raises ConfigurationError for one that init cannot write a pipeline for.
    """
    paths = {path for name in projects if (path := find_config_file(root / name))}
    if not paths:
        return None
    path = min(paths)
    if len(paths) > 1 or path.parent != Path(os.path.realpath(root)):
        raise ConfigurationError(
            f"{listed([str(one) for one in sorted(paths)])} already exists below the root of the "
            "repository, where a pipeline does not look for it",
            hint="Move the file to the root, and name the project's directory in it with "
            "`project:`; then run init again.",
        )
    file = load(path, name=path.name)
    found = [
        (project, entry)
        for project in file.projects
        if _stands_for(file, project, root, projects)
        for entry in project.entries
    ]
    if not found:
        raise ConfigurationError(
            f"{path} already exists and names no Deployment; init never overwrites files",
            hint="Write a Deployment into it with `astro-ci plan --save`, or by hand under "
            "`deployments`; then run init again for the pipeline file.",
        )
    _refuse_other(path, [entry for _, entry in found], config)
    return _configured(file, found)


def _stands_for(
    file: ConfigFile, project: ProjectEntry, root: Path, projects: Sequence[str]
) -> bool:
    """Whether an entry of the file is for one of the projects, or below one of them."""
    if not file.has_projects:
        return True
    place = Path(os.path.realpath(file.path.parent / (project.path or ".")))
    return any(place.is_relative_to(os.path.realpath(root / name)) for name in projects)


def _refuse_other(path: Path, entries: Sequence[DeploymentEntry], config: Config) -> None:
    """Refuse a named Deployment that the file does not have. Raises ConfigurationError."""
    named = config.deployment_id or config.deployment_name
    known = {value for entry in entries for value in (entry.key, *_identity(entry))}
    if named and named not in known:
        raise ConfigurationError(
            f"{path} already exists and has no Deployment {excerpt(named)}; init never overwrites "
            "files",
            hint=_ADD,
        )


def _identity(entry: DeploymentEntry) -> tuple[str, str]:
    """Return the id and the name; each is empty when the file does not have it."""
    names = ("deployment_id", "deployment_name")
    id_, name = (str(entry.settings[n].value) if n in entry.settings else "" for n in names)
    return id_, name


def _configured(
    file: ConfigFile, found: Sequence[tuple[ProjectEntry, DeploymentEntry]]
) -> Configured:
    targets = []
    branches: dict[str, None] = {}
    has_more = False
    for project, entry in found:
        targets.append(ProjectTarget(project=project.path or "", name=entry.key))
        plain = [one for one in entry.branches.patterns if "*" not in one and one[0] != "!"]
        branches.update(dict.fromkeys(plain))
        has_more |= bool(entry.tags.patterns) or len(plain) < len(entry.branches.patterns)
    return Configured(
        name=printable(file.name), entries=targets, branches=list(branches), has_more=has_more
    )
