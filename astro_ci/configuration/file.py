"""Read `astro-ci.yaml`: its projects, their Deployments, and the options of each.

The options at the top are for every project. The options of a project override them, and the
options of a Deployment override both. A list replaces the outer list; lists are not merged.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from astro_ci.configuration.keys import Setting, Settings, keys, read_key
from astro_ci.configuration.kinds import SILENCES
from astro_ci.configuration.nodes import Block, Problems, compose
from astro_ci.configuration.option import Option
from astro_ci.configuration.refs import RefPatterns, read_pattern
from astro_ci.configuration.silences import read_silences
from astro_ci.configuration.values import read_id, read_text
from astro_ci.errors import ConfigurationError
from astro_ci.model import Request
from astro_ci.text import excerpt

_Read = Callable[[str, str], Any]
_OPTIONS = tuple(keys())
TOP_KEYS = ("project", "projects", "deployments", *_OPTIONS)
PROJECT_KEYS = ("deployments", *_OPTIONS)
DEPLOYMENT_KEYS = ("id", "name", "branches", "tags", *_OPTIONS)
_ELSEWHERE = {
    "project": "the top of the file",
    "projects": "the top of the file",
    "deployments": "the top of the file or a project",
    **dict.fromkeys(("id", "name", "branches", "tags"), "a Deployment, under deployments"),
}
# The hints for a block that has another form.
_DEPLOYMENTS = (
    "Write each Deployment's name as a key, with its branches below, such as "
    "`deployments: {production: {branches: main}}`."
)
_PROJECTS = (
    "Write each project's directory as a key, with its Deployments below, such as "
    "`projects: {teams/sales: {deployments: {production: {branches: main}}}}`."
)
_DEPLOYMENT = "Write keys below the Deployment's name, such as `production: {branches: main}`."


class DeploymentEntry(Struct, frozen=True, kw_only=True):
    """A Deployment of the file, and the branches and tags that choose it."""

    key: str
    line: int
    branches: RefPatterns
    tags: RefPatterns
    settings: Settings
    """The settings, including the project's settings and `deployment_id` or `deployment_name`."""


class ProjectEntry(Struct, frozen=True, kw_only=True):
    """A project of the file."""

    path: str | None
    """The directory, relative to the file; None for the working directory."""
    source: str
    settings: Settings
    entries: Sequence[DeploymentEntry] = ()


class ConfigFile(Struct, frozen=True, kw_only=True):
    """A valid file. It has several projects if it has the key `projects`, else one."""

    path: Path
    name: str
    """The file's name in messages."""
    projects: Sequence[ProjectEntry]
    has_projects: bool = field(default=False)


def parse(text: str, *, path: Path, name: str) -> ConfigFile:
    """Read a file's text. Raises ConfigurationError with every problem and its line."""
    problems = Problems(name)
    top = Block(problems, "the file", compose(text, problems))
    top.refuse_unknown(TOP_KEYS, _ELSEWHERE)
    settings = dict(_settings(top))
    if "projects" in top:
        for key in ("project", "deployments"):
            if key in top:
                problems.add(
                    top.line(key),
                    f"{key} is not allowed beside projects",
                    f"Move {key} into the project that it is for.",
                )
        projects = _projects(top, settings)
    else:
        projects = [_only_project(top, settings)]
    _refuse_shared(projects, problems)
    problems.refuse()
    return ConfigFile(path=path, name=name, projects=projects, has_projects="projects" in top)


def _only_project(top: Block, settings: Settings) -> ProjectEntry:
    path = _read(top, "project", _path)
    line = top.line("project") if "project" in top else 1
    return ProjectEntry(
        path=path,
        source=top.problems.source(line),
        settings=settings,
        entries=_entries(top, settings),
    )


def _projects(top: Block, settings: Settings) -> list[ProjectEntry]:
    found: dict[str, ProjectEntry] = {}
    listed = Block(top.problems, "projects", top.node("projects"), shape=_PROJECTS)
    if not any(listed):
        top.problems.add(
            top.line("projects"), "`projects` is empty", "Add a project, or remove it."
        )
    for key, line, node in listed:
        block = Block(top.problems, f"the project {excerpt(key)}", node)
        block.refuse_unknown(PROJECT_KEYS, _ELSEWHERE)
        try:
            path = _path(excerpt(key), key)
        except ConfigurationError as error:
            top.problems.add(line, error.message, error.hint)
            continue
        if path in found:
            top.problems.add(
                line, f"project {excerpt(path)} is listed twice, again as {excerpt(key)}"
            )
        own = {**settings, **dict(_settings(block))}
        found[path] = ProjectEntry(
            path=path,
            source=top.problems.source(line),
            settings=own,
            entries=_entries(block, own),
        )
    return list(found.values())


def _entries(block: Block, settings: Settings) -> list[DeploymentEntry]:
    listed = Block(block.problems, "deployments", block.node("deployments"), shape=_DEPLOYMENTS)
    found = []
    for key, line, node in listed:
        what = f"the Deployment {excerpt(key)}"
        own = Block(block.problems, what, node, shape=_DEPLOYMENT)
        found.append(_entry(own, key, line, settings))
    return found


def _entry(block: Block, key: str, line: int, settings: Settings) -> DeploymentEntry:
    block.refuse_unknown(DEPLOYMENT_KEYS, _ELSEWHERE)
    own = {**settings, **dict(_settings(block)), **_identity(block, key, line)}
    if block.is_sound and "branches" not in block and "tags" not in block:
        block.problems.add(
            line,
            f"{block.what} has neither branches nor tags",
            "Add the branches that deploy to it, or `branches: []` to deploy to it only with "
            "--deployment-name.",
        )
    return DeploymentEntry(
        key=key,
        line=line,
        branches=_patterns(block, "branches"),
        tags=_patterns(block, "tags"),
        settings=own,
    )


def _identity(block: Block, key: str, line: int) -> Settings:
    """Return the id or the name of the Deployment in Astro; the key is the default name."""
    if "id" in block and "name" in block:
        block.problems.add(
            block.line("name"), f"{block.what} has an id and a name", "Remove the name."
        )
    if "id" in block:
        value, line = _read(block, "id", read_id), block.line("id")
        return {"deployment_id": Setting(value=value, source=block.problems.source(line))}
    if "name" in block:
        value, line = _read(block, "name", read_text), block.line("name")
    else:
        value = key
    return {"deployment_name": Setting(value=value, source=block.problems.source(line))}


def _patterns(block: Block, key: str) -> RefPatterns:
    patterns = [
        pattern
        for text in block.texts(key) or ()
        if (pattern := _accepted(block, key, text, read_pattern))
    ]
    if patterns and all(pattern.startswith("!") for pattern in patterns):
        block.problems.add(
            block.line(key),
            f"{key} contains only exclusions",
            f"Put a pattern that includes {key} first, such as '**' for all {key}.",
        )
    return RefPatterns(tuple(patterns))


def _settings(block: Block) -> Iterator[tuple[str, Setting]]:
    for key, row in keys().items():
        if key not in block:
            continue
        value = _option_value(block, key, row)
        if value is not None:
            source = block.problems.source(block.line(key))
            yield row.field, Setting(value=value, source=source)


def _option_value(block: Block, key: str, row: Option) -> Any:
    """Return the value of a key; None when the value is refused, after noting the problem."""
    if row.kind is SILENCES:
        return read_silences(block, key)
    read = partial(_read_row, row)
    return _listed(block, key, read) if row.kind.is_list else _read(block, key, read)


def _read_row(row: Option, _key: str, text: str) -> Any:
    return read_key(row, text)


def _listed(block: Block, key: str, read: _Read) -> tuple[str, ...] | None:
    texts = block.texts(key)
    if texts is None:
        return None
    return tuple(_accepted(block, key, text, read) or "" for text in texts)


def _read(block: Block, key: str, read: _Read) -> Any:
    text = block.text(key)
    return None if text is None else _accepted(block, key, text, read)


def _accepted(block: Block, key: str, text: str, read: _Read) -> Any:
    """Return what `read` returns; None when it refuses, after noting the problem."""
    try:
        return read(key, text)
    except ConfigurationError as error:
        block.problems.add(block.line(key), error.message, error.hint)
        return None


def _path(name: str, text: str) -> str:
    """A directory relative to the file."""
    if not text.strip() or text.startswith("/"):
        raise ConfigurationError(
            f"{name} is not a path relative to the file",
            hint="Write the path from the directory of the file.",
        )
    return posixpath.normpath(text)


def _shown(project: ProjectEntry) -> str:
    return excerpt(str(project.path))


def _refuse_shared(projects: Sequence[ProjectEntry], problems: Problems) -> None:
    """Refuse two projects in one Deployment: each would remove the other's DAGs.

    It is allowed if one project only deploys DAGs, and the other only deploys the image.
    """
    owners: dict[object, tuple[ProjectEntry, DeploymentEntry]] = {}
    for project in projects:
        for entry in project.entries:
            identity = _value(entry, "deployment_id") or (
                _value(entry, "deployment_name"),
                _value(entry, "workspace_id"),
            )
            owner, first = owners.setdefault(identity, (project, entry))
            kinds = {_value(first, "requested"), _value(entry, "requested")}
            if owner is not project and kinds != {Request.DAGS, Request.IMAGE}:
                problems.add(
                    entry.line,
                    f"{_shown(project)} and {_shown(owner)} (line {first.line}) have the same "
                    "Deployment, and would remove each other's DAGs",
                    "Give each project a Deployment of its own.",
                )


def _value(entry: DeploymentEntry, field_name: str) -> Any:
    setting = entry.settings.get(field_name)
    return setting.value if setting else None
