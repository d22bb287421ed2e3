"""Make the image of a deploy on the engine. Loaded when there is one to make."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager

from astro_ci.astro.client import AstroClient
from astro_ci.configuration.config import Config
from astro_ci.deploying.provenance import image_labels
from astro_ci.image.building.build import build_image
from astro_ci.image.building.builder import Builder
from astro_ci.image.building.spec import Build, LeaveOut
from astro_ci.image.building.steps import BuildSteps
from astro_ci.image.checks import check_image
from astro_ci.image.engine import Engine
from astro_ci.image.on_engine import EngineImage
from astro_ci.model import Deployment
from astro_ci.paths import below
from astro_ci.project.find import DOCKERFILE, Project
from astro_ci.project.leftovers import VENV_MARKER, excluder
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.survey.survey import Survey
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)


def build(
    config: Config,
    env: Mapping[str, str],
    survey: Survey,
    deployment: Deployment,
    client: AstroClient,
    engine: Engine,
    builder: Future[Builder | None],
    console: Console,
) -> EngineImage:
    """Build the image and check it. Raises DockerError, ProjectError."""
    # Answered during the build.
    runtimes = begin(lambda: client.list_runtimes(deployment.id))
    checkout = survey.checkout
    with_dags = not deployment.is_dag_deploy_enabled
    made = Build(
        root=checkout.project.root,
        tag=f"astro-ci/{deployment.id}:{secrets.token_hex(6)}",
        dockerfile=DOCKERFILE,
        leave_out=_left_out(checkout.project, dags_ship=with_dags),
        labels=image_labels(survey.plan, checkout.head, checkout.remote_url),
        build_args=checkout.build_args,
        secrets=config.build_secrets,
    )
    if with_dags and not checkout.project.has_dags_where_airflow_looks:
        log.warning(
            "DAG-only deploys are disabled on %s, so the DAGs ship inside the image, where Airflow "
            "reads dags/: unless the Dockerfile puts those of %s there, they will not run",
            *(deployment.name, config.dags_path),
        )
    with console.phase(Phase.BUILD), console.group("Build the image"):
        facts = build_image(engine, made, env=env, on_line=_listener(console), builder=builder)
    console.did(Phase.BUILD, "built the image")
    try:
        supported = {release.version for release in runtimes.result()}
        check_image(facts, running=deployment.astro_runtime_version, supported=supported)
    except BaseException:
        remove(engine, made.tag)
        raise
    return EngineImage(engine=engine, name=made.tag, facts=facts)


def _listener(console: Console) -> Callable[[str], None]:
    """What hears the build: whoever asked for more hears all of it, others its steps."""
    if console.is_verbose:
        return console.say
    if console.is_live:
        return BuildSteps(lambda step: None, functools.partial(console.note, Phase.BUILD))
    return BuildSteps(console.say)


def _left_out(project: Project, *, dags_ship: bool) -> LeaveOut:
    """Leave the DAGs out of the image; where they ship in it, what would not be in a bundle."""
    inside = project.dags_in_context
    if not dags_ship:
        return set(inside).__contains__
    is_leftover = excluder(lambda name: (project.dags / name / VENV_MARKER).exists())

    def is_left_out(path: str) -> bool:
        names = (below(path, directory) for directory in inside)
        # As if it were a directory: then it is asked about itself as well.
        return any(name and is_leftover(f"{name}/.") for name in names)

    return is_left_out


def remove(engine: Engine, name: str) -> None:
    """Take the image off the engine again."""
    try:
        engine.remove_image(name)
    except KeyboardInterrupt:  # a signal that came in the middle of it
        engine.remove_image(name)
        raise


@contextmanager
def connected(
    connect_engine: Callable[[Mapping[str, str]], Engine], env: Mapping[str, str]
) -> Iterator[Engine]:
    """An engine for the time of a block."""
    engine = connect_engine(env)
    try:
        yield engine
    finally:
        engine.close()
