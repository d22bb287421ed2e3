"""Check the job: its Python, its CI system, its git and its checkout."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from astro_ci import __version__
from astro_ci.ci import CIContext
from astro_ci.doctor.check import Check, Steps, not_checked, ok, warning
from astro_ci.errors import GitError
from astro_ci.git import GitRepo
from astro_ci.model import Part, Request
from astro_ci.planning.running import Running, WhatRuns
from astro_ci.text import listed, short

# It reads settings from the environment, which close what a checkout could run.
_OLDEST_GIT = (2, 31)
_ANSWER_SECONDS = 20
_ONE_PART = {Request.DAGS: (Part.DAGS,), Request.IMAGE: (Part.IMAGE,)}
_NAMES = {Part.IMAGE: "image", Part.DAGS: "DAGs"}


def python() -> Check:
    """Report the versions of Python and astro-ci."""
    return ok("Python", f"{platform.python_version()}, astro-ci {__version__}")


def ci_system(ci: CIContext) -> Check:
    """Report the CI system in short; `astro-ci env` shows all of it."""
    if ci.key == "none":
        return ok("CI system", "none: run by hand")
    said = (
        ("pull request", ci.pull_request),
        ("of", "a fork" if ci.is_fork_pull_request else None),
        ("branch", ci.branch),
        ("tag", ci.tag),
    )
    about = " ".join(f"{word} {value}" for word, value in said if value)
    return ok("CI system", f"{ci.system}{f', {about}' if about else ''}")


def linter(directory: Path, env: Mapping[str, str]) -> Check:
    """Report whether the static check has its optional linter."""
    from astro_ci.checks.static.lint import ABSENT, find_ruff
    from astro_ci.project.platform import Platform

    if find_ruff(env, Platform(), repository=os.path.realpath(directory)):
        return ok("linter", "ruff, for undefined names and for what Airflow 3 removed")
    return not_checked("linter", ABSENT)


def git_command(env: Mapping[str, str]) -> Steps[bool]:
    """Check that git is installed and new enough."""
    found = shutil.which("git", path=env.get("PATH"))
    if found is None:
        raise GitError("git is not installed", hint="Install git in the job's image.")
    text = _version_text(found)
    numbers = re.search(r"(\d+)\.(\d+)(\S*)", text)
    if numbers and (int(numbers[1]), int(numbers[2])) < _OLDEST_GIT:
        raise GitError(
            f"git {numbers[0]} is too old", hint="Install git 2.31 or later in the job's image."
        )
    yield ok("git", numbers[0] if numbers else text)
    return True


def repository(project: Path, env: Mapping[str, str], git_env: Mapping[str, str]) -> Steps[GitRepo]:
    """Check the repository around the project, and its owner."""
    repo = GitRepo.open(project, env, git_env)
    head = repo.head()
    depth = "a shallow clone" if repo.is_shallow() else "with its history"
    yield ok("repository", f"{repo.root}, at commit {short(head.sha)}, {depth}")
    owner = repo.root.stat().st_uid
    if owner != os.getuid():
        yield ok(
            "owner",
            f"the checkout belongs to user {owner}, and the job runs as {os.getuid()}; astro-ci "
            "trusts this directory; other git commands of the job may need safe.directory",
        )
    return repo


def history(repo: GitRepo, runs: WhatRuns, ci: CIContext, requested: Request) -> Steps[None]:
    """Check that the running commits are in the clone or can be fetched."""
    parts = _ONE_PART.get(requested, tuple(Part))
    sides = {_NAMES[part]: runs[part] for part in parts}
    unknown = {name: _unknown(side) for name, side in sides.items() if side.commit is None}
    commits = {side.commit for side in sides.values() if side.commit}
    if not commits:
        why = listed(sorted(set(unknown.values())))
        yield ok("what runs", f"no commit to compare with: {why}")
        return
    rest = "".join(f"; no commit of the {name}: {why}" for name, why in unknown.items())
    missing = sorted(commit for commit in commits if not repo.has_commit(commit))
    meant = [short(commit) for commit in missing or sorted(commits)]
    shown = f"{'commit' if len(meant) == 1 else 'commits'} {' and '.join(meant)}"
    if not missing:
        yield ok("what runs", f"{shown}, in this clone{rest}")
    elif repo.reaches_remote():
        yield ok("what runs", f"{shown}, which will be fetched: the remote answers{rest}")
    else:
        yield warning(
            "what runs",
            f"{shown} {'is' if len(meant) == 1 else 'are'} not in this clone and cannot be "
            f"fetched: the plan cannot tell which "
            f"commit is older, and finds changes only by content, if at all{rest}",
            ci.history_hint,
        )


def _unknown(side: Running) -> str:
    return side.unknown or "its deploy names no commit of this repository"


def _version_text(command: str) -> str:
    try:
        done = subprocess.run(
            [command, "--version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"{command} does not run: {error}", hint="Install git again.") from error
    if done.returncode != 0:
        raise GitError(
            f"{command} --version ended with exit code {done.returncode}", hint="Install git again."
        )
    return done.stdout.strip()
