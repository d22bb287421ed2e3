"""Build the image of a deploy. Imported only when an image is built."""

from __future__ import annotations

import functools
import logging
import secrets
import tempfile
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from msgspec import structs

from astro_ci.astro.client import AstroClient
from astro_ci.configuration.config import Config
from astro_ci.deploying.provenance import image_labels
from astro_ci.deploying.workshop import Workshop
from astro_ci.errors import DockerError
from astro_ci.image.base_look import look_into_built, looking_into_base
from astro_ci.image.building.build import build_archive, build_image, describe_builder
from astro_ci.image.building.builder import Builder
from astro_ci.image.building.spec import Build
from astro_ci.image.building.steps import BuildSteps
from astro_ci.image.checks import check_image
from astro_ci.image.engine import Engine
from astro_ci.image.on_engine import EngineImage
from astro_ci.image.source import ReadyImage
from astro_ci.model import Deployment, Part
from astro_ci.planning.marker import NO_DIGEST
from astro_ci.project.context import left_out_of
from astro_ci.project.dockerfile import base_image
from astro_ci.project.find import dockerfile_text
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.survey.checkout import Checkout
from astro_ci.survey.survey import Survey
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)


def built_once(
    config: Config,
    env: Mapping[str, str],
    survey: Survey,
    deployment: Deployment,
    client: AstroClient,
    engine: Engine | None,
    builder: Future[Builder | None],
    console: Console,
    workshop: Workshop,
) -> ReadyImage:
    """Build the image, unless this run has built it, and check that the Deployment can run it.

    Without an engine, a named builder builds the image. A failed build is not repeated for the next
    Deployment. Raises DockerError, ProjectError.
    """
    # Astro answers during the build.
    runtimes = begin(lambda: client.list_runtimes(deployment.id))
    warn_of_dags(config, survey, deployment)
    made = describe_build(
        config,
        survey.checkout,
        name=f"astro-ci/{deployment.id}",
        has_dags=not deployment.is_dag_deploy_enabled,
        is_dirty=survey.plan.dirty,
    )
    if config.fast != "off":
        made = replace(made, labels={**made.labels, **fast_labels(config, env, survey.checkout)})
    inputs = _inputs(made, survey, deployment)
    image = workshop.find(inputs)
    if image:
        console.say("using the image that this run built before")
    else:
        try:
            image = build(made, env, engine, builder, console, workshop)
        except DockerError as error:
            workshop.keep(inputs, error)
            raise
        workshop.keep(inputs, image)
    supported = {release.version for release in runtimes.result()}
    check_image(image.facts, running=deployment.astro_runtime_version, supported=supported)
    return image


def describe_build(
    config: Config, checkout: Checkout, *, name: str, has_dags: bool, is_dirty: bool
) -> Build:
    """Describe the build of a checkout; `name` gets a random tag on the engine.

    `has_dags` tells whether the image holds the DAGs, `is_dirty` whether it differs from the head.
    """
    return Build(
        root=checkout.project.root,
        tag=f"{name}:{secrets.token_hex(6)}",
        dockerfile=checkout.project.dockerfile_name,
        target=config.target,
        builder=config.builder,
        cache_from=config.cache_from,
        cache_to=config.cache_to,
        leave_out=left_out_of(checkout.project, dags_ship=has_dags, written=checkout.written),
        labels=image_labels(checkout.head, checkout.remote_url, is_dirty=is_dirty),
        build_args=checkout.build_args,
        secrets=config.build_secrets,
    )


def fast_labels(
    config: Config, env: Mapping[str, str], checkout: Checkout, *, inputs: str = ""
) -> dict[str, str]:
    """Return the labels that later deploys with --fast need from this build.

    `inputs` is the digest of the image's files and arguments, if no deploy records it.
    """
    from astro_ci.image.fast.base import build_labels, find_base

    content = checkout.project.read_dockerfile()
    base = (
        base_image(dockerfile_text(content), checkout.build_args, checkout.target)
        if content
        else None
    )
    named = base.reference if base else ""
    found = find_base(named, env, checkout=checkout.repo.root)
    return build_labels(found, config.build_secrets, inputs=inputs)


def _inputs(made: Build, survey: Survey, deployment: Deployment) -> Hashable:
    """Return all inputs of the image; None when they are unknown."""
    with_dags = not deployment.is_dag_deploy_enabled
    parts = (Part.IMAGE, Part.DAGS) if with_dags else (Part.IMAGE,)
    digests = tuple(survey.differences.digests.get(part, NO_DIGEST) for part in parts)
    if NO_DIGEST in digests:
        return None
    arguments = (*sorted(made.labels.items()), *sorted(made.build_args.items()))
    stage = (made.dockerfile, made.target)
    return (made.root, stage, with_dags, digests, arguments, tuple(made.secrets))


def build(
    made: Build,
    env: Mapping[str, str],
    engine: Engine | None,
    builder: Future[Builder | None],
    console: Console,
    workshop: Workshop,
) -> ReadyImage:
    """Build the image with the engine or a named builder; `workshop` removes it at the end.

    Raises DockerError, ProjectError.
    """
    with console.phase(Phase.BUILD), _group(console, engine, made, builder):
        on_line = listener(console)
        if engine is None:
            image = _build_without_engine(made, env, on_line, builder, workshop)
            console.did(Phase.BUILD, "built the image")
            return image
        workshop.on_close(lambda: remove(engine, made.tag))
        with looking_into_base(engine, made) as base:
            facts = build_image(engine, made, env=env, on_line=on_line, builder=builder)
            # An image may declare linux/amd64 although its base has another platform.
            facts = look_into_built(engine, facts, base)
    console.did(Phase.BUILD, "built the image")
    return EngineImage(engine=engine, name=made.tag, facts=facts)


@contextmanager
def _group(
    console: Console, engine: Engine | None, made: Build, builder: Future[Builder | None]
) -> Iterator[None]:
    """Name the builder in the heading of the build's lines; a terminal shows no headings."""
    place = describe_builder(engine, made, builder.result())
    if console.is_live:
        console.say(f"building the image with {place}")
    with console.group(f"Build the image with {place}"):
        yield


def _build_without_engine(
    made: Build,
    env: Mapping[str, str],
    on_line: Callable[[str], None],
    builder: Future[Builder | None],
    workshop: Workshop,
) -> ReadyImage:
    """Make the builder write an archive, from which the push sends the image unchanged."""
    from astro_ci.image.prebuilt.without_engine import StoredArchive

    scratch = tempfile.TemporaryDirectory(prefix="astro-ci-built-", dir=env.get("TMPDIR"))
    workshop.on_close(scratch.cleanup)
    archive = Path(scratch.name, "image.tar")
    build_archive(made, archive, env=env, on_line=on_line, builder=builder)
    stored = StoredArchive(archive, env)
    workshop.on_close(stored.close)
    image = stored.fetch()
    return structs.replace(image, facts=structs.replace(image.facts, reference=made.tag))


def warn_of_dags(config: Config, survey: Survey, deployment: Deployment) -> None:
    """Warn of DAGs in the image at a path that Airflow does not read."""
    project = survey.checkout.project
    if not deployment.is_dag_deploy_enabled and not project.has_dags_where_airflow_looks:
        log.warning(
            "DAG-only deploys are disabled on %s, so Airflow reads the DAGs from dags/ in the "
            "image: unless the Dockerfile copies the files of %s there, these DAGs will not run",
            *(deployment.name, config.dags_path),
        )


def listener(console: Console) -> Callable[[str], None]:
    """Return the callback for build output: all lines with `--verbose`, else only the steps."""
    if console.is_verbose:
        return console.quote
    if console.is_live:
        return BuildSteps(lambda step: None, functools.partial(console.note, Phase.BUILD))
    return BuildSteps(console.quote)


def remove(engine: Engine, name: str) -> None:
    """Remove the image from the engine."""
    try:
        engine.remove_image(name)
    except KeyboardInterrupt:  # a signal that arrived during the removal
        engine.remove_image(name)
        raise
