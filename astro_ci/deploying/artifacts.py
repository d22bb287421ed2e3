"""Make what a deploy sends: the image on the engine, the bundle on disk."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from astro_ci.astro.client import AstroClient
from astro_ci.bundle import Bundle, Member, check_links, list_members, write_bundle
from astro_ci.configuration.config import Config
from astro_ci.deploying.provenance import image_labels
from astro_ci.errors import ProjectError
from astro_ci.image.building.build import build_image
from astro_ci.image.building.spec import Build, LeaveOut
from astro_ci.image.checks import ImageFacts, check_image, inspect_image
from astro_ci.image.engine import Engine
from astro_ci.model import Deployment
from astro_ci.paths import below
from astro_ci.project.find import DOCKERFILE, Project
from astro_ci.project.leftovers import VENV_MARKER, excluder
from astro_ci.project.runtime import RuntimeVersion
from astro_ci.reporting.console import MIB, Console
from astro_ci.survey.survey import Survey
from astro_ci.text import listed

log = logging.getLogger(__name__)


class Image(Struct, frozen=True, kw_only=True):
    """An image that is ready to be pushed."""

    engine: Engine
    name: str
    """Its name on the engine, ours alone."""
    facts: ImageFacts


class Artifacts(Struct, frozen=True, kw_only=True):
    """What is ready to be sent; None for what this deploy does not have."""

    image: Image | None = None
    bundle: Bundle | None = None


@contextmanager
def artifacts(
    config: Config,
    env: Mapping[str, str],
    survey: Survey,
    deployment: Deployment,
    client: AstroClient,
    *,
    connect_engine: Callable[[Mapping[str, str]], Engine],
    scratch: Path,
    console: Console,
) -> Iterator[Artifacts]:
    """Build and check what the plan needs; the image is gone from the engine afterwards.

    Everything that can be refused without Docker is refused before the build starts.
    """
    plan = survey.plan
    with_bundle = plan.deploy_type.has_dags and deployment.is_dag_deploy_enabled
    if plan.deploy_type.has_image:
        survey.checkout.project.require_dockerfile()
    _refuse_empty_submodules(survey)
    members: Sequence[Member] = ()
    if with_bundle and survey.checkout.project.has_dags:
        members = list_members(survey.checkout.project.dags)
    bundle = _bundle(survey, members, scratch, console) if with_bundle else None
    if not plan.deploy_type.has_image:
        _check_links(survey, members, deployment.astro_runtime_version)
        yield Artifacts(bundle=bundle)
        return
    with _engine(connect_engine, env) as engine:
        image = _build(config, env, survey, deployment, client, engine, console)
        try:
            if with_bundle:
                _check_links(survey, members, image.facts.runtime_version or "")
            yield Artifacts(image=image, bundle=bundle)
        finally:
            _remove(engine, image.name)


def _refuse_empty_submodules(survey: Survey) -> None:
    """Raise ProjectError for a submodule that ships and was not checked out."""
    submodules = survey.differences.empty_submodules
    empty = [path for path, parts in submodules.items() if parts & survey.plan.deploy_type.parts]
    if empty:
        raise ProjectError(
            f"submodules that ship were not checked out: {listed(sorted(empty))}",
            hint="Check them out before the deploy: `git submodule update --init --recursive`, "
            "`submodules: recursive` on actions/checkout, or GIT_SUBMODULE_STRATEGY: recursive.",
        )


def _bundle(survey: Survey, members: Sequence[Member], scratch: Path, console: Console) -> Bundle:
    # With uncommitted changes the commit's time would let Python trust a stale bytecode cache.
    mtime = int(time.time()) if survey.plan.dirty else survey.checkout.head.time
    bundle = write_bundle(members, scratch / "dags.tar.gz", mtime=mtime)
    console.say(f"DAG bundle: {bundle.files} files, {bundle.size / MIB:.2f} MiB")
    return bundle


def _check_links(survey: Survey, members: Sequence[Member], runtime: str) -> None:
    version = RuntimeVersion.parse(runtime)
    is_refused = version is not None and version.airflow >= 3
    check_links(members, survey.checkout.project.dags, refuse=is_refused)


def _build(
    config: Config,
    env: Mapping[str, str],
    survey: Survey,
    deployment: Deployment,
    client: AstroClient,
    engine: Engine,
    console: Console,
) -> Image:
    checkout = survey.checkout
    with_dags = not deployment.is_dag_deploy_enabled
    build = Build(
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
    with console.group("Build the image"):
        build_image(engine, build, env=env, on_line=console.say)
    try:
        facts = inspect_image(engine, build.tag)
        supported = {release.version for release in client.list_runtimes(deployment.id)}
        check_image(facts, running=deployment.astro_runtime_version, supported=supported)
    except BaseException:
        _remove(engine, build.tag)
        raise
    return Image(engine=engine, name=build.tag, facts=facts)


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


def _remove(engine: Engine, name: str) -> None:
    try:
        engine.remove_image(name)
    except KeyboardInterrupt:  # a signal that came in the middle of it
        engine.remove_image(name)
        raise


@contextmanager
def _engine(
    connect_engine: Callable[[Mapping[str, str]], Engine], env: Mapping[str, str]
) -> Iterator[Engine]:
    engine = connect_engine(env)
    try:
        yield engine
    finally:
        engine.close()
