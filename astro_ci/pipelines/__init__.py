"""`init`: write the pipeline file and `astro-ci.yaml` for a repository that has neither."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from astro_ci.configuration.config import Config
from astro_ci.configuration.locate import find_config_file
from astro_ci.deployments.find import connect
from astro_ci.errors import ConfigurationError, ProjectError
from astro_ci.git import GitRepo
from astro_ci.git.described import describe
from astro_ci.pipelines.configured import Configured, find_configured
from astro_ci.pipelines.existing import how_to_add, other_deploys
from astro_ci.pipelines.predecessor import OldStep, old_step
from astro_ci.pipelines.projects import find_candidates, find_projects, is_project
from astro_ci.pipelines.questions import Ask, Pick, choose_branch, choose_deployment
from astro_ci.pipelines.render import (
    CONFIG_FILE,
    check_branch,
    config_text,
    pipeline_text,
    setup_steps,
)
from astro_ci.pipelines.systems import KEYS, SYSTEMS, System, detect_system, system_named
from astro_ci.pipelines.write import write_new
from astro_ci.project.files import read_bytes
from astro_ci.remote import repository_identity
from astro_ci.text import listed, printable

_ALL = "all of them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What init made, or would make."""

    system: System
    files: Mapping[str, str]
    """New files, by name from the repository's root."""
    to_add: str = ""
    """The text to add to an existing pipeline file."""
    notes: Sequence[str] = ()
    setup: str = ""
    """What has to be done once in the CI system."""
    is_written: bool = False


def adopt(
    config: Config,
    env: Mapping[str, str],
    *,
    project: Path | None,
    ci: str | None,
    branch: str | None,
    ask: Ask | None,
    pick: Pick,
    print_only: bool,
) -> Adoption:
    """Find the facts, ask for those that cannot be found, and write the files. Raises AstroCIError.

    `ask` is None where nobody is there to answer, and then nobody is asked to `pick`. Nothing is
    written over.
    """
    repo = GitRepo.open(project or Path(), env)
    projects = _projects(repo, project, ask)
    system = _system(repo, ci, ask)
    configured = find_configured(repo.root, projects, config)
    branch = branch or _branch(repo, configured, ask)
    check_branch(branch)
    old = old_step(repo.root, [system])
    notes = [*other_deploys(repo.root, SYSTEMS), *(old.notes() if old else ())]
    files = {}
    if configured:
        entries = configured.entries
        notes += configured.notes(branch)
    else:
        astro = connect(config, env)
        config = _as_before(config, old) if len(projects) == 1 else config
        several = len(projects) > 1
        entries = [
            choose_deployment(config, env, name, astro, ask=ask, pick=pick, several=several)
            for name in projects
        ]
        notes += [] if astro else ["without credentials, the Deployment was not looked up"]
        files[CONFIG_FILE] = config_text(entries, branch)
    is_default = branch == describe(repo.root).remote_branch
    pipeline = pipeline_text(system, entries, branch, is_default=is_default, old=old)
    adoption = _with_pipeline(
        repo.root,
        Adoption(system=system, files=files, notes=notes, setup=setup_steps(pipeline)),
        pipeline,
    )
    if print_only:
        return adoption
    write_new(repo.root, adoption.files)
    return replace(adoption, is_written=True)


def _with_pipeline(root: Path, made: Adoption, pipeline: str) -> Adoption:
    """Add the pipeline: a new file, or a text for the one that exists."""
    there = root / made.system.path
    if not there.exists() and not there.is_symlink():
        return replace(made, files={**made.files, made.system.path: pipeline})
    if _holds(there, pipeline):
        note = f"{made.system.path} already exists and needs no change"
        return replace(made, notes=[*made.notes, note])
    notes = [*made.notes, *how_to_add(made.system, there, pipeline)]
    return replace(made, to_add=pipeline, notes=notes)


def _branch(repo: GitRepo, configured: Configured | None, ask: Ask | None) -> str:
    """Return the branch of the existing file if it names exactly one branch; else ask."""
    if configured and len(configured.branches) == 1:
        return configured.branches[0]
    return choose_branch(repo, ask)


def _as_before(config: Config, old: OldStep | None) -> Config:
    """Take the Deployment of the existing step, unless the user named one."""
    if old is None or config.deployment_id or config.deployment_name:
        return config
    if old.deployment_id:
        return replace(config, deployment_id=old.deployment_id)
    return replace(config, deployment_name=old.deployment_name or None)


def adoption_text(made: Adoption) -> str:
    """Say what was or would be written, and what to do next."""
    lines = []
    for name, text in made.files.items():
        lines += [f"wrote {name}"] if made.is_written else [f"--- {name}", text]
    if made.to_add:
        lines += [
            *([""] if made.is_written else []),
            f"{made.system.path} already exists and was not changed. Add this to it:",
            "",
            made.to_add,
        ]
    lines += [f"note: {printable(note)}" for note in made.notes]
    return "\n".join([*lines, *([""] if made.is_written else []), *_next(made)])


def _holds(path: Path, text: str) -> bool:
    """Whether a file holds exactly this text."""
    try:
        return read_bytes(path, most_bytes=len(text.encode())) == text.encode()
    except OSError:
        return False


def _next(made: Adoption) -> list[str]:
    return [
        "Next:",
        f"  1. {made.setup}",
        f"  2. Commit {' and '.join([CONFIG_FILE, made.system.path])}.",
        "  3. Check everything, with ASTRO_API_TOKEN in the environment: astro-ci doctor",
    ]


def _projects(repo: GitRepo, named: Path | None, ask: Ask | None) -> list[str]:
    if named is not None:
        relative = repo.relative(named)
        if relative is None or not named.is_dir():
            raise ProjectError(
                f"the project directory {named} does not exist in {repo.root}",
                hint="Name the directory that holds the Dockerfile and dags/ with --project.",
            )
        return [_utf8(relative)]
    here = repo.relative(Path())
    if here is not None and is_project(repo.root / here):
        return [_utf8(here)]
    found = find_projects(repo.root)
    if not found:
        raise ProjectError(
            f"no Astro project was found in {repo.root}: no directory with dags/ and a Dockerfile "
            "that starts from Astro Runtime",
            hint=_candidates_hint(repo),
        )
    if len(found) == 1:
        return [_utf8(found[0])]
    if find_config_file(repo.root):  # which says what to do with each
        return found
    if ask is None:
        raise ConfigurationError(
            f"the repository holds {len(found)} Astro projects: {listed(found, most=20)}",
            hint="Name one of them with --project, or answer on a terminal for all of them.",
        )
    answer = ask("Which project?", choices=[*map(_utf8, found), _ALL], default=_ALL)
    return found if answer == _ALL else [answer]


def _candidates_hint(repo: GitRepo) -> str:
    """Make the hint on how to name the project; with the command, if there is one candidate."""
    found = find_candidates(repo.root)
    if len(found) != 1:
        return "Name the project's directory with --project."
    path = shlex.quote(os.path.relpath(repo.root / found[0]))
    return (
        f"If the Dockerfile there starts from a base image of your own, such as a company's: "
        f"name the project with `--project {path}`."
    )


def _utf8(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ProjectError(
            f"the name of the directory {printable(name)} is not valid UTF-8, so it cannot go "
            "into YAML",
            hint="Rename the directory.",
        ) from error
    return name


def _system(repo: GitRepo, key: str | None, ask: Ask | None) -> System:
    if key:
        return system_named(key)
    try:
        return detect_system(repo.root, _host(repo))
    except ConfigurationError as error:
        if ask is None:
            raise
        names = {system.name: system for system in SYSTEMS}
        return names[ask(f"{error.message}. Which one is it?", choices=list(names))]


def _host(repo: GitRepo) -> str:
    url = describe(repo.root).remote_url
    return repository_identity(url).partition("/")[0] if url else ""


__all__ = ["KEYS", "Adoption", "adopt", "adoption_text"]
