"""Make the image of a deploy on the engine. Loaded when there is one to make."""

from __future__ import annotations

import functools
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from astro_ci.astro.client import AstroClient
from astro_ci.configuration.config import Config
from astro_ci.deploying.provenance import image_labels
from astro_ci.errors import DockerError
from astro_ci.image.building.build import build_image
from astro_ci.image.building.spec import Build, LeaveOut
from astro_ci.image.building.steps import BuildSteps
from astro_ci.image.checks import check_image
from astro_ci.image.engine import Engine
from astro_ci.image.inspection import inspect_image, look_into_image
from astro_ci.image.on_engine import EngineImage
from astro_ci.model import Deployment
from astro_ci.paths import below
from astro_ci.project.find import DOCKERFILE, Project
from astro_ci.project.leftovers import VENV_MARKER, leftover_matcher
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.survey.survey import Survey
from astro_ci.text import sentence

log = logging.getLogger(__name__)


def build(
    config: Config,
    env: Mapping[str, str],
    survey: Survey,
    deployment: Deployment,
    client: AstroClient,
    engine: Engine,
    console: Console,
) -> EngineImage:
    """Build the image and check it. Raises DockerError, ProjectError."""
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
            "DAG-only deploys are disabled on %s, so Airflow reads the DAGs from dags/ in the "
            "image: unless the Dockerfile copies the files of %s there, these DAGs will not run",
            *(deployment.name, config.dags_path),
        )
    with console.phase(Phase.BUILD), console.group("Build the image"):
        build_image(engine, made, env=env, on_line=_listener(console))
    console.did(Phase.BUILD, "built the image")
    try:
        facts = look_into_image(engine, inspect_image(engine, made.tag))
        supported = {release.version for release in client.list_runtimes(deployment.id)}
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
    """Say which files to leave out: the DAGs, or the leftovers when the image holds the DAGs."""
    inside = project.dags_in_context
    if not dags_ship:
        return set(inside).__contains__
    is_leftover = leftover_matcher(lambda name: (project.dags / name / VENV_MARKER).exists())

    def is_left_out(path: str) -> bool:
        names = (below(path, directory) for directory in inside)
        # As if it were a directory: then it is asked about itself as well.
        return any(name and is_leftover(f"{name}/.") for name in names)

    return is_left_out


def remove(engine: Engine, name: str) -> None:
    """Take the image off the engine again."""
    try:
        engine.remove_image(name)
    except KeyboardInterrupt:  # a signal that arrived during the removal
        engine.remove_image(name)
        raise


@contextmanager
def connected(
    connect_engine: Callable[[Mapping[str, str]], Engine],
    env: Mapping[str, str],
    *,
    without: str = "",
) -> Iterator[Engine]:
    """An engine for the time of a block. `without` is what to do where there is none."""
    try:
        engine = connect_engine(env)
    except DockerError as error:
        error.hint = " ".join(filter(None, (sentence(error.hint), without)))
        raise
    try:
        yield engine
    finally:
        engine.close()
