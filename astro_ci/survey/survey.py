"""Gather the facts and make the Plan: what `plan` prints and `deploy` acts on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from astro_ci.ci import CIContext, detect, git_access
from astro_ci.configuration.config import BASE_WORDS, Config
from astro_ci.errors import GitError, ProjectError
from astro_ci.git import Commit, GitRepo, Snapshot
from astro_ci.model import Affects, Deployment, Plan
from astro_ci.paths import is_under
from astro_ci.planning.decision import Comparison, Facts, Options, make_plan
from astro_ci.planning.digests import digests
from astro_ci.planning.rules import Rules
from astro_ci.planning.running import Digests, Running, what_runs
from astro_ci.project.find import Project, find_project
from astro_ci.remote import repository_identity
from astro_ci.survey.bases import Bases, find_bases
from astro_ci.survey.dag_files import count_dag_files, names_in_listing
from astro_ci.survey.layout import Layout, make_rules, named_directories
from astro_ci.text import listed, short

if TYPE_CHECKING:
    from astro_ci.deployments.find import Astro
    from astro_ci.web.http import Patience

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The Plan, and what acting on it needs."""

    plan: Plan
    project: Project
    project_path: str
    """Relative to the repository, empty for its root."""
    repo: GitRepo
    head: Commit
    ci: CIContext
    digests: Digests
    build_args: Mapping[str, str] = field(repr=False)
    empty_submodules: Mapping[str, Affects]
    """Submodules that were not checked out, by what they affect."""
    remote_url: str | None = field(repr=False)
    """May hold credentials, as GitLab's does."""
    astro: Astro | None
    deployment: Deployment | None
    digest_again: Callable[[], Digests] = field(repr=False)
    """Looks at the checkout once more, for what changed since. Raises GitError."""


def survey(
    config: Config,
    env: Mapping[str, str],
    *,
    interactive: bool = False,
    needs_credentials: bool = False,
    patience: Patience | None = None,
) -> Survey:
    """Look at the project, at git, at CI and at Astro, and decide. Nothing is changed."""
    ci = detect(env)
    project = find_project(config.project, config.dags_path)
    repo = GitRepo.open(project.root, env, git_access(ci, env))
    head = repo.head()
    layout = Layout.find(repo, project)
    rules = make_rules(config, repo, project, layout)
    build_args = _build_args(config, env)
    remote_url = repo.remote_url() or ci.repository_url

    take_snapshot = partial(
        repo.snapshot,
        layout.scopes(rules),
        with_ignored=[
            *layout.dags,
            *(layout.in_project(name) for name in rules.build_files),
            *rules.build_links,
            *named_directories(config.image_paths, repo, layout),
        ],
        counts_ignored=rules.counts_although_ignored,
        excludes=rules.is_leftover,
    )
    # Git looks at every file of the checkout while Astro is asked what runs.
    with take_snapshot() as snapshot:
        # Loaded while git is at work, as it takes its time.
        from astro_ci.astro.auth import missing_credentials
        from astro_ci.deployments.find import connect, find_deployment

        astro = connect(config, env, patience)
        if astro is None and needs_credentials:
            raise missing_credentials(ci.secret_hint)
        deployment = find_deployment(astro, config, interactive=interactive) if astro else None
        dag_deploy_enabled = deployment.is_dag_deploy_enabled if deployment else True
        digest = partial(
            digests,
            rules=rules,
            image_inputs=[f"{name}={value}" for name, value in build_args.items()],
            line_ends=repo.line_ends,
            dags_in_image=not dag_deploy_enabled,
        )
        runs = None
        if astro and deployment:
            runs = what_runs(
                deployment,
                astro.client.list_deploys(deployment.id),
                repository=repository_identity(remote_url) if remote_url else None,
                project=layout.project,
            )
        bases = find_bases(config, ci, repo, runs)
        for base in filter(None, (bases.image, bases.dags)):
            snapshot.prepare_changes(base)
        newer_image = _newer(runs.image if runs else None, repo, head, ci)
        newer_dags = _newer(runs.dags if runs else None, repo, head, ci)
        # For a deploy's marker, or where the running deploy has one to compare with.
        is_compared = bool(runs and (runs.image.digest or runs.dags.digest))

        def read(lines: Sequence[str]) -> tuple[Digests, Sequence[str] | None]:
            found = Digests(dags="", image="")
            if needs_credentials or is_compared:
                found = digest(lines)
            return found, names_in_listing(lines, layout.dags[0], rules)

        shipped, dag_names = snapshot.read(read)
        _refuse_sparse(snapshot, rules)
        dirty = _is_dirty(snapshot, head, layout, rules)
        image = _compare(snapshot, rules, bases.image, bases.image_unknown)
        dags = _compare(snapshot, rules, bases.dags, bases.dags_unknown)
        empty_submodules = {p: rules.classify(p)[0] for p in snapshot.empty_submodules}

    def digest_again() -> Digests:
        with take_snapshot() as snapshot:
            return snapshot.read(digest)

    facts = Facts(
        head=head.sha,
        dirty=dirty,
        source=bases.source,
        image=_with_running(image, bases, runs.image if runs else None, newer_image),
        dags=_with_running(dags, bases, runs.dags if runs else None, newer_dags),
        digests=shipped,
        dag_files=count_dag_files(
            dag_names,
            project,
            layout.dags[0],
            rules,
            repo=repo,
            compared=dags,
            is_bundle=dag_deploy_enabled,
        ),
        dag_deploy_enabled=dag_deploy_enabled,
        deployment=deployment,
        assumptions=_assumptions(bases, deployment, config),
    )
    return Survey(
        plan=make_plan(facts, _options(config)),
        project=project,
        project_path=layout.project,
        repo=repo,
        head=head,
        ci=ci,
        digests=shipped,
        build_args=build_args,
        empty_submodules=empty_submodules,
        remote_url=remote_url,
        astro=astro,
        deployment=deployment,
        digest_again=digest_again,
    )


def _refuse_sparse(snapshot: Snapshot, rules: Rules) -> None:
    """Raise ProjectError when files that should ship are not in the checkout at all."""
    missing = [path for path in snapshot.absent if rules.classify(path)[0] != "nothing"]
    if missing:
        raise ProjectError(
            f"the checkout is sparse and leaves out files of the project: {listed(missing)}",
            hint="Check the whole project out: add its directory to the sparse checkout.",
        )


def _is_dirty(snapshot: Snapshot, head: Commit, layout: Layout, rules: Rules) -> bool:
    """Whether what ships is not the commit: uncommitted or untracked files of the project.

    Those count that lie in it, and those elsewhere that shape its image.
    """
    if snapshot.is_tree_of(head):
        return False
    roots = (layout.project, *layout.dags)
    return any(
        not snapshot.is_ignored(path)
        and (any(is_under(path, root) for root in roots) or rules.classify(path)[0] != "nothing")
        for path in (change.path for change in snapshot.changes(head.sha))
    )


def _compare(snapshot: Snapshot, rules: Rules, base: str | None, unknown: str) -> Comparison:
    if base is None:
        return Comparison(unknown=unknown)
    try:
        return Comparison(base=base, changes=rules.explain(snapshot.changes(base)))
    except GitError as error:  # a partial clone that cannot fetch what it lacks
        log.warning("the plan does without its base %s: %s", base, error)
        return Comparison(unknown=f"git could not compare with base commit {short(base)}")


def _newer(running: Running | None, repo: GitRepo, head: Commit, ci: CIContext) -> str | None:
    """The running commit, when history proves that it came after the checked-out one."""
    commit = running.commit if running else None
    # A push that moved the branch from the running commit back to this one is meant.
    is_pushed = ci.before == commit and not ci.before_is_previous_run
    is_moved_back = is_pushed and ci.head in (None, head.sha)
    if commit is None or commit == head.sha or is_moved_back:
        return None
    return commit if repo.came_after(commit, head.sha) else None


def _with_running(
    side: Comparison, bases: Bases, running: Running | None, newer: str | None
) -> Comparison:
    """Add what only the running deploy knows: its digest, and whether it is newer."""
    digest = running.digest if running and bases.is_what_runs else None
    return replace(side, digest=digest, newer=newer)


def _build_args(config: Config, env: Mapping[str, str]) -> dict[str, str]:
    """Values by name; a name alone takes the environment's value, as for `docker build`."""
    found = {}
    for argument in config.build_args:
        name, equals, value = argument.partition("=")
        if equals or name in env:
            found[name] = value if equals else env[name]
    return found


def _assumptions(bases: Bases, deployment: Deployment | None, config: Config) -> list[str]:
    notes = list(bases.assumptions)
    if deployment is None:
        notes.insert(0, "no credentials, so what runs is not known")
        notes.append("DAG-only deploys are enabled on the Deployment")
    elif config.base not in ("auto", *BASE_WORDS):
        notes.append(f"what runs is taken to be --base {config.base}")
    return notes


def _options(config: Config) -> Options:
    return Options(
        requested=config.requested,
        skip_unchanged=config.skip_unchanged,
        force=config.force,
        allow_older=config.allow_older,
        allow_shrink=config.allow_shrink,
    )
