"""Run the static check of the DAGs to deploy, while git and Astro answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from msgspec.structs import replace

from astro_ci.errors import ProjectError
from astro_ci.finding import Checked, Finding
from astro_ci.paths import below
from astro_ci.project.dockerfile import base_image
from astro_ci.project.find import dockerfile_text
from astro_ci.project.platform import Platform, platform_of
from astro_ci.survey.checkout import build_args_of

if TYPE_CHECKING:  # imported only when there is something to check
    from astro_ci.checks.static.check import StaticCheck
    from astro_ci.checks.static.process import Reader
    from astro_ci.configuration.config import Config
    from astro_ci.git import GitRepo
    from astro_ci.project.find import Project
    from astro_ci.survey.checkout import Checkout
    from astro_ci.survey.image import Prebuilt
    from astro_ci.survey.standing import Standing


class DagCheck:
    """A static check that starts when the Dockerfile, or else the Deployment, gives the Runtime."""

    def __init__(self, env: Mapping[str, str], reader: Reader | None = None) -> None:
        """Take a `reader` that may have started its process; the reader ends with this check."""
        self._env = env
        self._check: StaticCheck | None = None
        self._reader = reader

    def __enter__(self) -> DagCheck:
        """Start nothing yet, because the Runtime is not known."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop a check that is still running."""
        if self._check:
            self._check.__exit__(kind, value, traceback)
        if self._reader:
            self._reader.stop()

    def start_early(self, config: Config, project: Project, repo: GitRepo) -> None:
        """Start the process, and begin the check if the Dockerfile names the Runtime."""
        if not project.has_dags:
            return
        from astro_ci.checks.static.process import Reader

        self._reader = self._reader or Reader()
        self._reader.prepare()
        platform = platform_in_dockerfile(project, build_args_of(config, self._env), config.target)
        if platform.airflow:
            self._start(project, repo, platform)

    def start(
        self, checkout: Checkout, standing: Standing, prebuilt: Prebuilt | None = None
    ) -> None:
        """Start the check, if not started, for the prebuilt image's or the Deployment's Runtime."""
        if self._check:
            return
        connected = standing.connected
        runtime = connected.deployment.astro_runtime_version if connected else ""
        if prebuilt:
            runtime = prebuilt.image.facts.runtime_version or ""
        self._start(checkout.project, checkout.repo, platform_of(runtime))

    def _start(self, project: Project, repo: GitRepo, platform: Platform) -> None:
        if not project.has_dags:
            return
        from astro_ci.checks.static.check import StaticCheck
        from astro_ci.checks.static.lint import Ruff, find_ruff
        from astro_ci.checks.static.request import NEWEST, Request

        repository = os.path.realpath(repo.root)
        request = Request(
            root=str(project.root),
            dags=os.path.realpath(project.dags),
            repository=repository,
            dockerfile=project.dockerfile_name,
            python=platform.python or NEWEST,
            airflow=platform.airflow or NEWEST,
        )

        def ruff() -> Ruff | None:
            return find_ruff(self._env, platform, repository=repository)

        check = StaticCheck(request, ruff, self._reader)
        self._check = check.__enter__()

    def ignored(self) -> frozenset[str]:
        """Wait for the files that `.airflowignore` excludes, relative to the DAGs directory."""
        return self._check.result().ignored if self._check else frozenset()

    def checked(self, checkout: Checkout, standing: Standing) -> tuple[Checked, ...]:
        """Wait for the result, with findings only about files that ship."""
        if self._check is None:
            return ()
        return (keep_shipped(self._check.result().checked, checkout, standing),)


def keep_shipped(found: Checked, checkout: Checkout, standing: Standing) -> Checked:
    """Leave out findings about files that .dockerignore excludes, if the image ships the DAGs."""
    if standing.is_dag_deploy_enabled:
        return found
    left = tuple(filter(_is_in_image(checkout), found.findings))
    if len(left) == len(found.findings):
        return found
    is_passed = found.status == "failed" and all(f.severity != "error" for f in left)
    return replace(found, findings=left, status="passed" if is_passed else found.status)


def _is_in_image(checkout: Checkout) -> Callable[[Finding], bool]:
    """Make the predicate for findings about files that .dockerignore does not exclude."""
    project, rules = checkout.layout.project, checkout.rules

    def is_in_image(finding: Finding) -> bool:
        inside = below(finding.path, project)
        return inside is None or not rules.dockerignore.excludes(inside)

    return is_in_image


def platform_in_dockerfile(
    project: Project, build_args: Mapping[str, str], target: str
) -> Platform:
    """Read the platform of the image; unknown when the Dockerfile names no Runtime."""
    try:
        content = project.read_dockerfile() or b""
    except ProjectError:
        return Platform()
    image = base_image(dockerfile_text(content), build_args, target)
    return platform_of(image.runtime_version, python=image.python_version) if image else Platform()
