"""Open the checkout: the project, its repository, and the rules for the files that ship."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from msgspec import Struct

from astro_ci.ci import CIContext, git_access
from astro_ci.configuration.config import Config
from astro_ci.git import Commit, GitRepo, Snapshot
from astro_ci.model import Origin, Repository, Request
from astro_ci.paths import below
from astro_ci.planning.rules import Rules
from astro_ci.project.find import DOCKERFILE, Project, find_project
from astro_ci.remote import repository_identity, repository_page, without_credentials
from astro_ci.survey.layout import Layout, make_rules, named_directories


class Checkout(Struct, frozen=True, kw_only=True):
    """The facts that need neither Astro nor a read of every file."""

    ci: CIContext
    project: Project
    repo: GitRepo
    head: Commit
    layout: Layout
    rules: Rules
    remote_url: str | None
    """The remote's URL, which may hold credentials, as in GitLab CI."""
    build_args: Mapping[str, str]
    image_paths: tuple[str, ...]
    build_inputs: Sequence[str] = ()
    """Inputs of the image build other than files and build arguments."""
    target: str = ""
    """The stage of the Dockerfile to build; empty for the last stage."""

    def __repr__(self) -> str:
        """Show the checkout without its secrets."""
        return f"Checkout(project={self.project!r}, head={self.head!r})"

    @property
    def written(self) -> frozenset[str]:
        """The files in the project that this run itself writes, relative to the project."""
        found = (below(path, self.layout.project) for path in self.rules.written)
        return frozenset(filter(None, found))

    @property
    def origin(self) -> Origin:
        """The project's identity, which is the same in every clone."""
        url = without_credentials(self.remote_url or "")
        return Origin(
            repository=repository_identity(url) if url else "", project=self.layout.project
        )

    @property
    def page(self) -> Repository | None:
        """The hosted repository, for links to commits; None when unknown."""
        url = without_credentials(self.remote_url or "")
        return repository_page(url, kind=host_kind(self.ci, url)) if url else None

    def snapshot(self, *, needs_tree: bool = True) -> AbstractContextManager[Snapshot]:
        """Make a snapshot, which examines every file once it is entered.

        Without `needs_tree`, the files can only be read.
        """
        layout, rules = self.layout, self.rules
        return self.repo.snapshot(
            layout.scopes(rules),
            with_ignored=[
                *layout.dags,
                *(layout.in_project(name) for name in rules.build_files),
                *rules.build_links,
                *named_directories(self.image_paths, self.repo, layout),
            ],
            counts_ignored=rules.counts_although_ignored,
            excludes=rules.never_ships,
            needs_tree=needs_tree,
        )


def host_kind(ci: CIContext, url: str) -> str:
    """Return the kind of a remote's host: the CI system, when it hosts the repository."""
    hosts = {repository_identity(one).partition("/")[0] for one in (url, ci.repository_url) if one}
    return ci.key if ci.repository_url and len(hosts) == 1 else ""


def open_checkout(
    config: Config,
    env: Mapping[str, str],
    ci: CIContext,
    *,
    written: Collection[Path] = (),
    on_found: Callable[[Project, GitRepo], None] | None = None,
) -> Checkout:
    """Find the project and its repository; `written` are files that this run writes.

    `on_found` is called as soon as both are found, before git is asked for more. Raises
    ProjectError, GitError, ConfigurationError.
    """
    is_image_alone = config.is_prebuilt and config.requested is Request.IMAGE
    project = find_project(
        config.project, config.dags_path, config.dockerfile, may_be_empty=is_image_alone
    )
    if config.dockerfile != DOCKERFILE:
        # Without the default Dockerfile a project deploys only DAGs; a named Dockerfile must exist.
        project.require_dockerfile()
    repo = GitRepo.open(project.root, env, git_access(ci, env))
    if on_found:
        on_found(project, repo)
    head = repo.head()
    layout = Layout.find(repo, project)
    return Checkout(
        ci=ci,
        project=project,
        repo=repo,
        head=head,
        layout=layout,
        rules=make_rules(config, repo, project, layout, written=written),
        remote_url=repo.remote_url() or ci.repository_url,
        build_args=build_args_of(config, env),
        image_paths=tuple(config.image_paths),
        build_inputs=config.build_inputs,
        target=config.target,
    )


def build_args_of(config: Config, env: Mapping[str, str]) -> dict[str, str]:
    """Return values by name; a name without a value takes its environment variable's value."""
    found = {}
    for argument in config.build_args:
        name, equals, value = argument.partition("=")
        if equals or name in env:
            found[name] = value if equals else env[name]
    return found
