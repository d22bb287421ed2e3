"""Choose the base commit of each part, with which the checkout is compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from astro_ci.ci import CIContext
from astro_ci.configuration.config import Config
from astro_ci.configuration.values import BASE_WORDS
from astro_ci.errors import ConfigurationError
from astro_ci.git import HEX_COMMIT, GitRepo
from astro_ci.model import BaseSource, Part
from astro_ci.planning.running import Running, WhatRuns
from astro_ci.text import excerpt, printable, short


class Bases(Struct, frozen=True, kw_only=True):
    """The base commits, which are all in the clone, and the reasons for missing ones."""

    source: BaseSource
    commits: Mapping[Part, str | None] = field(default_factory=lambda: dict.fromkeys(Part))
    unknown: Mapping[Part, str] = field(default_factory=lambda: dict.fromkeys(Part, ""))
    assumptions: tuple[str, ...] = ()

    @classmethod
    def one(cls, source: BaseSource, commit: str, *assumptions: str) -> Bases:
        """Compare every part with the same commit."""
        return cls(source=source, commits=dict.fromkeys(Part, commit), assumptions=assumptions)

    @classmethod
    def none(cls, why: str) -> Bases:
        """Make bases without a commit; `why` is a clause with the reason."""
        return cls(source="none", unknown=dict.fromkeys(Part, why))

    @property
    def is_what_runs(self) -> bool:
        """Whether the bases come from the running deploys, so that the digests of these count."""
        return self.source == "deployed"


def find_bases(config: Config, ci: CIContext, repo: GitRepo, runs: WhatRuns | None) -> Bases:
    """Find the bases: the user's choice, else the running deploys, else the CI event, else none.

    `runs` is None when the deploy history could not be read. Raises ConfigurationError when
    `--base` does not name a commit.
    """
    if config.base not in BASE_WORDS:
        return _named(config.base, repo)
    notes: tuple[str, ...] = ()
    if config.base == "auto" and ci.base_override:
        if commit := _reachable(repo, repo.resolve(ci.base_override) or ci.base_override):
            return Bases.one("ref", commit)
        notes = (f"ASTRO_CI_BASE is ignored: {printable(ci.base_override)} is not in this clone",)
    if config.base == "event" or (config.base == "auto" and runs is None):
        found = _event(ci, repo, instead=config.base == "auto")
    elif runs is None:
        found = Bases.none("the deploy history could not be read")
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
    return Bases.one("ref", commit)


def _event(ci: CIContext, repo: GitRepo, *, instead: bool) -> Bases:
    """Use the previous commit of the CI event; `instead`: because no running deploy is known."""
    named = ci.before or ci.base_sha
    if not named:
        why = "no CI event names a previous commit"
        return Bases.none(f"what runs is not known, and {why}" if instead else why)
    commit = repo.resolve(named) or _reachable(repo, named)
    if commit is None:
        return Bases.none(f"{_not_here(named)} ({ci.history_hint})")
    source = ci.sources.get("before" if ci.before else "base_sha", "the CI event")
    note = f"compared with the CI event's commit {short(commit)} (from {source})"
    # A pull request's head lacks newer commits of the base branch, but a merge keeps those commits.
    forked = None if ci.before else repo.merge_base(commit, "HEAD")
    if forked and forked != commit:
        commit, note = (
            forked,
            f"compared with {short(forked)}, where this branch left its base branch",
        )
    return Bases.one("event", commit, note)


def _deployed(runs: WhatRuns, repo: GitRepo, ci: CIContext) -> Bases:
    named = dict.fromkeys(running.commit for running in runs.values() if running.commit)
    here = {commit: _reachable(repo, commit) for commit in named}
    absent = [commit for commit, found in here.items() if found is None]

    def unknown(running: Running) -> str:
        if running.commit is None:
            return running.unknown
        return (
            f"{_not_here(running.commit)} ({ci.history_hint})" if running.commit in absent else ""
        )

    is_known = any(running.digest or here.get(running.commit or "") for running in runs.values())
    return Bases(
        source="deployed" if is_known else "none",
        commits={part: here.get(running.commit or "") for part, running in runs.items()},
        unknown={part: unknown(running) for part, running in runs.items()},
        assumptions=(
            *([_too_old(absent, ci)] if absent else []),
            *dict.fromkeys(_as_it_says(one) for one in runs.values() if one.is_assumed),
        ),
    )


def _too_old(commits: Sequence[str], ci: CIContext) -> str:
    shown = " and ".join(map(short, commits))
    if len(commits) > 1:
        return (
            f"the running commits {shown} are older than the checked-out one: they are not in this "
            f"clone and cannot be fetched ({ci.history_hint})"
        )
    return (
        f"the running commit {shown} is older than the checked-out one: it is not in this clone "
        f"and cannot be fetched ({ci.history_hint})"
    )


def _as_it_says(running: Running) -> str:
    return (
        f"deploy {running.deploy_id} by another client contained exactly commit "
        f"{short(running.commit or '')}"
    )


def _reachable(repo: GitRepo, commit: str) -> str | None:
    """Return the commit if the clone has it or can fetch it, else None."""
    if not HEX_COMMIT.fullmatch(commit):
        return None
    return commit if repo.has_commit(commit) or repo.fetch_commit(commit) else None


def _not_here(commit: str) -> str:
    return f"base commit {printable(commit)[:12]} is not in this clone and cannot be fetched"
