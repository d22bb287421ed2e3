"""What to compare the checkout with: the base ladder, one commit for each side."""

from __future__ import annotations

from dataclasses import dataclass, replace

from astro_ci.ci import CIContext
from astro_ci.configuration.config import BASE_WORDS, Config
from astro_ci.errors import ConfigurationError
from astro_ci.git import HEX_COMMIT, GitRepo
from astro_ci.model import BaseSource
from astro_ci.planning.running import Running, WhatRuns
from astro_ci.text import excerpt, printable, short


@dataclass(frozen=True, slots=True, kw_only=True)
class Bases:
    """The commits to compare with, in the clone for sure, and why one is missing."""

    source: BaseSource
    image: str | None = None
    dags: str | None = None
    image_unknown: str = ""
    dags_unknown: str = ""
    assumptions: tuple[str, ...] = ()

    @property
    def is_what_runs(self) -> bool:
        """Whether the comparison is with the deploys that run, so that their digests count."""
        return self.source == "deployed"


def find_bases(config: Config, ci: CIContext, repo: GitRepo, runs: WhatRuns | None) -> Bases:
    """Climb down the ladder: what the user named, what runs, the CI event, nothing.

    `runs` is None when the deploy history could not be read. Raises ConfigurationError for a
    `--base` that is no commit.
    """
    if config.base not in BASE_WORDS:
        return _named(config.base, repo)
    notes: tuple[str, ...] = ()
    if config.base == "auto" and ci.base_override:
        if commit := _reachable(repo, repo.resolve(ci.base_override) or ci.base_override):
            return Bases(source="ref", image=commit, dags=commit)
        notes = (f"ASTRO_CI_BASE is ignored: {printable(ci.base_override)} is not in this clone",)
    if config.base == "event" or (config.base == "auto" and runs is None):
        found = _event(ci, repo)
    elif runs is None:
        why = "the deploy history could not be read"
        found = Bases(source="none", image_unknown=why, dags_unknown=why)
    else:
        found = _deployed(runs, repo, ci)
    return replace(found, assumptions=(*notes, *found.assumptions))


def _named(ref: str, repo: GitRepo) -> Bases:
    commit = repo.resolve(ref) or _reachable(repo, repo.find_remote(ref) or ref)
    if commit is None:
        raise ConfigurationError(
            f"--base {excerpt(ref)} is not a commit that this clone has or can fetch",
            hint="Name a commit, a branch or a tag that exists; in CI, fetch more history.",
        )
    return Bases(source="ref", image=commit, dags=commit)


def _event(ci: CIContext, repo: GitRepo) -> Bases:
    named = ci.before or ci.base_sha
    if not named:
        why = "the CI event names no previous commit"
        return Bases(source="none", image_unknown=why, dags_unknown=why)
    commit = repo.resolve(named) or _reachable(repo, named)
    if commit is None:
        why = f"{_not_here(named)} ({ci.history_hint})"
        return Bases(source="none", image_unknown=why, dags_unknown=why)
    source = ci.sources.get("before" if ci.before else "base_sha", "the CI event")
    note = f"compared with the CI event's commit {short(commit)} (from {source})"
    # A pull request's own head lacks what its base branch gained since; merging takes nothing away.
    forked = None if ci.before else repo.merge_base(commit, "HEAD")
    if forked and forked != commit:
        commit, note = forked, f"compared with {short(forked)}, where the work left the base branch"
    return Bases(source="event", image=commit, dags=commit, assumptions=(note,))


def _deployed(runs: WhatRuns, repo: GitRepo, ci: CIContext) -> Bases:
    image, image_unknown = _of_running(runs.image, repo, ci)
    dags, dags_unknown = _of_running(runs.dags, repo, ci)
    known = image or dags or runs.image.digest or runs.dags.digest
    found = {runs.image.commit: image, runs.dags.commit: dags}
    absent = [commit for commit, here in found.items() if commit and here is None]
    return Bases(
        source="deployed" if known else "none",
        image=image,
        dags=dags,
        image_unknown=image_unknown,
        dags_unknown=dags_unknown,
        assumptions=tuple(
            f"{short(commit)}, which runs, is older than what is checked out: it is not in this "
            f"clone and cannot be fetched ({ci.history_hint})"
            for commit in absent
        ),
    )


def _of_running(running: Running, repo: GitRepo, ci: CIContext) -> tuple[str | None, str]:
    if running.commit is None:
        return None, running.unknown
    commit = _reachable(repo, running.commit)
    return commit, "" if commit else f"{_not_here(running.commit)} ({ci.history_hint})"


def _reachable(repo: GitRepo, commit: str) -> str | None:
    """The commit, when the clone has it or could fetch it."""
    if not HEX_COMMIT.fullmatch(commit):
        return None
    return commit if repo.has_commit(commit) or repo.fetch_commit(commit) else None


def _not_here(commit: str) -> str:
    return f"base commit {printable(commit)[:12]} is not in this clone and cannot be fetched"
