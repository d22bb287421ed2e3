"""Choose the Deployments of a run, each with its merged options. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field

from astro_ci.configuration.config import Config
from astro_ci.configuration.keys import Setting, Settings
from astro_ci.errors import ConfigurationError
from astro_ci.text import excerpt, listed

if TYPE_CHECKING:  # PyYAML is only loaded for a file that exists
    from astro_ci.configuration.file import ConfigFile, DeploymentEntry, ProjectEntry

_IMAGES = frozenset({"image_name", "image_archive"})
_FOR_AN_IMAGE = _IMAGES | {
    *("build_args", "build_secrets", "image_paths"),
    *("dockerfile", "target", "builder", "cache_from", "cache_to"),
}


class Ref(Struct, frozen=True, kw_only=True):
    """The pushed branch or tag, which chooses a Deployment. At most one of the two is set."""

    branch: str | None = None
    tag: str | None = None
    refusal: str = ""
    """The reason why the push chooses nothing, as a sentence."""
    note: str = ""
    """The assumption, if the branch or tag is not simply the pushed one."""

    def __str__(self) -> str:
        return f"tag {self.tag}" if self.tag else f"branch {self.branch}"


class Target(Struct, frozen=True, kw_only=True):
    """A plan or a deploy: its options, and their sources."""

    config: Config
    settings: Settings
    """The settings that are not defaults."""
    project: str = ""
    """The project, if the file has several projects."""
    entry: str = ""
    """The Deployment's key in the file, if the file has the Deployment."""
    note: str = ""

    @property
    def label(self) -> str:
        """The name of the target in a list of several."""
        return ": ".join(filter(None, (self.project, self.entry))) or "the Deployment"


class Candidate(Struct, frozen=True, kw_only=True):
    """A Deployment of the file, and the pattern that matches, if one does."""

    project: str
    entry: str
    patterns: str
    pattern: str | None


class Choice(Struct, frozen=True, kw_only=True):
    """The chosen targets, or the reason why there are none."""

    targets: Sequence[Target]
    reason: str = ""
    ref: Ref | None = None
    """None when the choice does not depend on the branch or tag."""
    candidates: Sequence[Candidate] = field(default=())


def choose(
    file: ConfigFile | None, given: Settings, directory: Path, find_ref: Callable[[], Ref]
) -> Choice:
    """Choose the targets by the settings of the command line and the environment, and by the file.

    `directory` is the directory of --project; `find_ref` is only called if the choice depends on
    the branch or tag. Raises ConfigurationError when the options contradict the file.
    """
    alone = _target(given)  # invalid options are refused whatever the file says
    if file is None:
        return Choice(targets=[alone])
    projects = _projects_of(file, directory) if file.has_projects else list(file.projects)
    name = given.get("deployment_id") or given.get("deployment_name")
    if name:
        return Choice(targets=_named(file, projects, given, name))
    without = [project for project in projects if not project.entries]
    if without and len(projects) > 1:
        name_of = excerpt(without[0].path or "")
        raise ConfigurationError(
            f"the project {name_of} ({without[0].source}) has no deployments",
            hint="Add `deployments` to the project, or name a project with --project and its "
            "Deployment with --deployment-name.",
        )
    if without:
        return Choice(targets=[_of_project(file, without[0], given)])
    return _by_ref(file, projects, given, find_ref())


def every_target(file: ConfigFile, given: Settings, directory: Path) -> list[Target]:
    """Return all Deployments in the file for a directory, whatever their patterns."""
    projects = _projects_of(file, directory) if file.has_projects else file.projects
    return [
        _of_entry(file, project, entry, given) for project in projects for entry in project.entries
    ]


def project_settings(file: ConfigFile, given: Settings, directory: Path) -> Settings:
    """Merge the given settings with the file's settings for the project in a directory.

    Raises ConfigurationError when there are several projects.
    """
    projects = _projects_of(file, directory) if file.has_projects else list(file.projects)
    if len(projects) > 1:
        names = [excerpt(str(project.path)) for project in projects]
        raise ConfigurationError(
            f"{file.name} has several projects: {listed(names)}",
            hint="Name one with --project.",
        )
    (project,) = projects
    return {**_settings_of(file, project, project.settings, given), **_for(file, given)}


def _by_ref(
    file: ConfigFile, projects: Sequence[ProjectEntry], given: Settings, ref: Ref
) -> Choice:
    targets, candidates = [], []
    for project in projects:
        for entry in project.entries:
            patterns = entry.tags if ref.tag else entry.branches
            pattern = None if ref.refusal else patterns.deciding(ref.tag or ref.branch or "")
            candidates.append(
                Candidate(
                    project=_label(file, project),
                    entry=entry.key,
                    patterns=f"branches {entry.branches}; tags {entry.tags}",
                    pattern=pattern,
                )
            )
            if pattern is not None:
                targets.append(_of_entry(file, project, entry, given, note=ref.note))
    reason = ""
    if not targets:
        kind = "tags" if ref.tag else "branches"
        shown = [f"{excerpt(c.entry)} ({excerpt(c.patterns)})" for c in candidates]
        reason = ref.refusal or (
            f"no Deployment of {file.name} has {kind} that match {ref}: {listed(shown)}"
        )
    return Choice(targets=targets, reason=reason, ref=ref, candidates=candidates)


def _named(
    file: ConfigFile, projects: Sequence[ProjectEntry], given: Settings, name: Setting
) -> list[Target]:
    """Return the named entries, whatever their patterns; a name that is not in the file stays."""
    targets = []
    for project in projects:
        entries = _entries_named(project, given)
        if len(entries) > 1:
            raise ConfigurationError(
                f"{name.source} is {excerpt(name.value)}, and {file.name} has several such "
                f"entries: {listed([excerpt(entry.key) for entry in entries])}",
                hint="Name one of them by its key in the file, with --deployment-name.",
            )
        targets += [_of_entry(file, project, entry, given) for entry in entries]
    if targets:
        return targets
    if len(projects) > 1:
        known = [excerpt(entry.key) for project in projects for entry in project.entries]
        raise ConfigurationError(
            f"{name.source} is {excerpt(name.value)}, and no project in {file.name} has this "
            "Deployment",
            hint=f"Name the project with --project, or use one of {listed(known)}.",
        )
    return [_of_project(file, projects[0], given)]


def _entries_named(project: ProjectEntry, given: Settings) -> list[DeploymentEntry]:
    """Return the entries with this key, else those with this id or name."""
    wanted = {
        name: given[name].value for name in ("deployment_id", "deployment_name") if name in given
    }
    by_key = [entry for entry in project.entries if entry.key == wanted.get("deployment_name")]
    return by_key or [
        entry
        for entry in project.entries
        if any(
            name in entry.settings and entry.settings[name].value == value
            for name, value in wanted.items()
        )
    ]


def _projects_of(file: ConfigFile, directory: Path) -> list[ProjectEntry]:
    """Return the project in a directory, or all projects below the directory."""
    here = Path(os.path.realpath(directory))
    places = {Path(os.path.realpath(_place(file, p))): p for p in file.projects}
    if here in places:
        return [places[here]]
    below = [project for place, project in places.items() if place.is_relative_to(here)]
    if not below:
        raise ConfigurationError(
            f"{directory} is not a project in {file.name}, and contains none",
            hint=f"Use one of {listed([excerpt(str(project.path)) for project in file.projects])}.",
        )
    return below


def _place(file: ConfigFile, project: ProjectEntry) -> Path:
    return file.path.parent / (project.path or ".")


def _of_project(file: ConfigFile, project: ProjectEntry, given: Settings) -> Target:
    return _target({**_settings_of(file, project, project.settings, given), **_for(file, given)})


def _of_entry(
    file: ConfigFile,
    project: ProjectEntry,
    entry: DeploymentEntry,
    given: Settings,
    *,
    note: str = "",
) -> Target:
    settings = {
        **_settings_of(file, project, entry.settings, given),
        **{k: v for k, v in _for(file, given).items() if not k.startswith("deployment_")},
    }
    return _target(settings, project=_label(file, project), entry=entry.key, note=note)


def _settings_of(
    file: ConfigFile, project: ProjectEntry, settings: Settings, given: Settings
) -> Settings:
    """Return the file's settings, without those for an image when another image is given."""
    if _IMAGES & given.keys():
        settings = {k: v for k, v in settings.items() if k not in _FOR_AN_IMAGE}
    if project.path is None:
        return settings
    return {"project": Setting(value=_place(file, project), source=project.source), **settings}


def _for(file: ConfigFile, given: Settings) -> Settings:
    """Return the given settings; with several projects, without --project, which chose one."""
    return {k: v for k, v in given.items() if not (file.has_projects and k == "project")}


def _label(file: ConfigFile, project: ProjectEntry) -> str:
    return (project.path or "") if file.has_projects else ""


def _target(settings: Settings, *, project: str = "", entry: str = "", note: str = "") -> Target:
    values = {name: setting.value for name, setting in settings.items()}
    if "requested" in settings:
        values["requested_as"] = _shown(settings["requested"])
    return Target(
        config=Config(**values), settings=settings, project=project, entry=entry, note=note
    )


def _shown(requested: Setting) -> str:
    """Return the deploy type as the user wrote it: a flag, a variable, or a line of the file."""
    source, value = requested.source, requested.value
    if source == "--type":
        return f"--type {value}"
    if source.startswith("--"):
        return source
    return f"type: {value} ({source})" if " " in source else f"{source}={value}"
