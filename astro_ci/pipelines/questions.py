"""The questions of `init`: the prompts on a terminal, the branch, and the Deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from astro_ci.configuration.config import Config
from astro_ci.deployments.find import Astro, find_deployment
from astro_ci.errors import ConfigurationError
from astro_ci.git import GitRepo
from astro_ci.git.described import describe
from astro_ci.model import Deployment
from astro_ci.pipelines.render import ProjectTarget
from astro_ci.text import Regex

_ID = Regex(r"c[a-z0-9]{20,}")


class Ask(Protocol):
    """Prompts the user."""

    def __call__(self, question: str, *, default: str = "", choices: Sequence[str] = ()) -> str:
        """Ask until the user answers; with choices, until the answer is one of them."""
        ...


Pick = Callable[[Astro, Config, str], Deployment]
"""Lets the user pick a Deployment at a terminal; the text is the question."""


def choose_branch(repo: GitRepo, ask: Ask | None) -> str:
    """Ask which branch is deployed; without a terminal, take the default one.

    A branch that is not known here is asked about once more, as it may be a slip: the same answer
    takes it. Raises ConfigurationError where there is nobody to ask and no default branch.
    """
    found = describe(repo.root)
    if ask is None:
        if found.default_branch is None:
            raise ConfigurationError(
                "the default branch of the repository is not known",
                hint="Name the branch that is deployed with --branch.",
            )
        return found.default_branch
    default = found.default_branch or ""
    answer = ask("Which branch is deployed?", default=default)
    while found.branches and answer not in found.branches:
        again = ask(
            f"There is no branch {answer} here. Which branch is deployed? "
            "The same answer takes it anyway.",
            default=default,
        )
        if again == answer:
            break
        answer = again
    return answer


def choose_deployment(
    config: Config,
    env: Mapping[str, str],
    project: str,
    astro: Astro | None,
    *,
    ask: Ask | None,
    pick: Pick,
    several: bool,
) -> ProjectTarget:
    """Find the Deployment of a project: the named one, else the one picked or typed at a terminal.

    Raises ConfigurationError, and what asking Astro raises.
    """
    is_named = bool(config.deployment_id or config.deployment_name)
    if is_named and several:
        raise ConfigurationError(
            "one Deployment is named for several projects",
            hint="Name one of the projects with --project.",
        )
    if astro is None:
        return _unseen(config, project, ask)
    if is_named or ask is None:
        found = find_deployment(astro, config, env, interactive=False)
        return _of(found, project, by_id=bool(config.deployment_id))
    return _picked(astro, config, project, pick)


def _unseen(config: Config, project: str, ask: Ask | None) -> ProjectTarget:
    """Ask for a Deployment that cannot be looked up."""
    if config.deployment_id or config.deployment_name:
        return ProjectTarget(
            project=project, id=config.deployment_id or "", name=config.deployment_name or ""
        )
    if ask is None:
        raise ConfigurationError(
            "no Deployment is named, and there are no credentials to look one up",
            hint="Name one with --deployment-id or --deployment-name, or set ASTRO_API_TOKEN.",
        )
    answer = ask(f"Which Deployment does {project or 'the project'} go to, by id or name?")
    return ProjectTarget(project=project, **{"id" if _ID.fullmatch(answer) else "name": answer})


def _picked(astro: Astro, config: Config, project: str, pick: Pick) -> ProjectTarget:
    found = pick(astro, config, f"Which Deployment does {project or 'the project'} go to?")
    workspaces = [config.workspace_id] if config.workspace_id else []
    twins = astro.client.list_deployments(names=[found.name], workspace_ids=workspaces)
    return _of(found, project, by_id=sum(one.name == found.name for one in twins) > 1)


def _of(found: Deployment, project: str, *, by_id: bool) -> ProjectTarget:
    return ProjectTarget(project=project, id=found.id if by_id else "", name=found.name)
