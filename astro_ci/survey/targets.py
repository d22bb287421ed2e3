"""Find the Deployments of a run from the options, the configuration file and the push."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from astro_ci.ci import CIContext, system_of
from astro_ci.configuration.choice import Choice, Ref, choose, project_settings
from astro_ci.configuration.keys import Setting, Settings
from astro_ci.configuration.locate import find_config_file, load
from astro_ci.errors import ConfigurationError
from astro_ci.text import short

if TYPE_CHECKING:  # PyYAML and git are imported only for a file that exists
    from astro_ci.configuration.file import ConfigFile
    from astro_ci.git import GitRepo

# The source of the branch in a run for a merged pull request, which is on the base branch.
_MERGED = "event.pull_request.base.ref"


class FoundTargets(Struct, frozen=True, kw_only=True):
    """The chosen Deployments, and the facts behind the choice."""

    choice: Choice
    file: ConfigFile | None
    ci: CIContext


def find_targets(
    given: Settings,
    env: Mapping[str, str],
    ci: CIContext,
    *,
    config_file: Path | None,
    deploys: bool,
) -> FoundTargets:
    """Choose the Deployments of a run.

    `given` holds the values of flags and variables, by field of Config. With `deploys`, the branch
    of a pull request chooses no Deployment; without `deploys`, the base branch of the pull request
    chooses. Raises AstroCIError.
    """
    project = given.get("project")
    directory = Path(project.value) if project else Path()
    file = _load(config_file, directory)
    if file and ci.base_override and "base" not in given:
        # The CI context reads a commit in ASTRO_CI_BASE, which counts only with `auto`.
        given = {**given, "base": Setting(value="auto", source="ASTRO_CI_BASE")}
    choice = choose(file, given, directory, lambda: _ref(ci, directory, env, deploys=deploys))
    return FoundTargets(choice=choice, file=file, ci=ci)


def find_project_settings(given: Settings, *, config_file: Path | None) -> dict[str, Any]:
    """Find the project, its DAGs and the silenced findings, in `given` or else in the file.

    Raises ConfigurationError when the file has several projects for this directory.
    """
    project = given.get("project")
    directory = Path(project.value) if project else Path()
    file = _load(config_file, directory)
    settings = project_settings(file, given, directory) if file else given
    fields = ("project", "dags_path", "ignore_findings")
    return {field: settings[field].value for field in fields if field in settings}


def find_build_settings(given: Settings, *, config_file: Path | None) -> Settings:
    """Find the options of an image build, in `given` or else in the file.

    The file's options are those of the project, or of the entry that the Deployment's name or id
    selects. Raises ConfigurationError when that selects no entry or several.
    """
    project = given.get("project")
    directory = Path(project.value) if project else Path()
    file = _load(config_file, directory)
    if file is None:
        return given
    if not ("deployment_id" in given or "deployment_name" in given):
        return project_settings(file, given, directory)
    choice = choose(file, given, directory, Ref)  # what was pushed does not matter
    if len(choice.targets) != 1:
        raise ConfigurationError(
            f"{file.name} has several entries for the named Deployment, and a build is one image",
            hint="Name the project with --project.",
        )
    return choice.targets[0].settings


def _load(named: Path | None, directory: Path) -> ConfigFile | None:
    if named:
        return load(named, name=str(named), is_named=True)
    path = find_config_file(directory)
    return load(path, name=path.name) if path else None


def _ref(ci: CIContext, directory: Path, env: Mapping[str, str], *, deploys: bool) -> Ref:
    if _is_unmerged(ci):
        return _of_pull_request(ci, deploys=deploys)
    from astro_ci.git import GitRepo

    repo = GitRepo.open(directory, env)
    elsewhere = _head_elsewhere(ci, repo, env)
    is_said = ci.sources.get("branch") == "ASTRO_CI_BRANCH"
    if ci.tag and not elsewhere:
        return Ref(tag=ci.tag)
    branch = (ci.branch if is_said or not elsewhere else None) or repo.branch()
    if branch is None:
        why = "neither a branch nor a tag is known"
        if elsewhere:
            why = f"the run is for commit {short(elsewhere)}, but another commit is checked out"
        raise ConfigurationError(
            f"the Deployment cannot be chosen: {why}",
            hint="Set ASTRO_CI_BRANCH to the branch, or name the Deployment with "
            "--deployment-name.",
        )
    return Ref(branch=branch)


def _head_elsewhere(ci: CIContext, repo: GitRepo, env: Mapping[str, str]) -> str | None:
    """Return the run's commit, unless the checked-out commit is on the run's branch or tag.

    A job may check out another commit, with or without a branch: an older commit, or a commit that
    was never on the branch. A job may also create a commit on top.
    """
    if ci.head is None or ci.sources.get("branch") == _MERGED:
        return None
    if not system_of(ci.key).names_own_checkout:
        return None
    head, run_head = repo.head().sha, repo.resolve(ci.head) or ci.head
    if head == run_head or _is_submodule_of(repo, run_head, env):
        return None
    if repo.branch() is None:  # else the checked-out branch counts
        tips = (run_head, repo.remote_tip(ci.branch)) if ci.branch and not ci.tag else ()
        is_on_branch = any(repo.is_ancestor(head, tip) for tip in tips if tip)
        if is_on_branch or repo.was_committed_on(run_head):
            return None
    return ci.head


def _is_submodule_of(repo: GitRepo, commit: str, env: Mapping[str, str]) -> bool:
    """Whether the repository is a submodule of a checkout of `commit`."""
    from astro_ci.git import GitRepo

    outer = repo.superproject()
    return outer is not None and GitRepo.open(outer, env).head().sha == commit


def _is_unmerged(ci: CIContext) -> bool:
    """Whether the run is for a commit that is not on its branch yet."""
    if not (ci.pull_request or ci.base_branch):  # a merge queue's run has only `base_branch`
        return False
    if ci.branch is None:
        return True
    # The pull request of a fork has no branch in this repository.
    is_push = system_of(ci.key).runs_for_pushes_alone and not ci.is_fork_pull_request
    return not is_push and ci.sources.get("branch") != _MERGED


def _of_pull_request(ci: CIContext, *, deploys: bool) -> Ref:
    name = f"pull request {ci.pull_request}" if ci.pull_request else "the pull request"
    if deploys or not ci.base_branch:
        return Ref(
            branch=ci.branch,
            refusal=f"{name} is not merged, and only a push to a branch or a tag chooses a "
            "Deployment; name one with --deployment-id to deploy anyway",
        )
    return Ref(
        branch=ci.base_branch,
        note=f"{name} is treated as merged into the branch {ci.base_branch}",
    )
