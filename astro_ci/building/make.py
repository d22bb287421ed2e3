"""Build an image, check it, and keep it in the places that the user chose."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace

from msgspec import Struct

from astro_ci.building.keep import Keep
from astro_ci.building.look import Source
from astro_ci.configuration.config import Config
from astro_ci.deploying.artifacts import find_engine
from astro_ci.deploying.image import build, describe_build, fast_labels
from astro_ci.deploying.refuse_checks import refuse_failed_checks
from astro_ci.deploying.tools import Tools
from astro_ci.deploying.workshop import Workshop
from astro_ci.finding import Checked, CheckName
from astro_ci.image.building.build import looking_for_builder
from astro_ci.image.checks import check_image
from astro_ci.image.source import ReadyImage
from astro_ci.reporting.built import BuiltImage
from astro_ci.reporting.console import Console
from astro_ci.reporting.phases import Phase
from astro_ci.text import listed
from astro_ci.web.ahead import begin

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 5.0
"""How long a build waits for the registry of its base image, once the checks are done."""


class Checks(Struct, frozen=True, kw_only=True):
    """The checks of a build, as functions that run them."""

    before: Callable[[], Sequence[Checked]]
    """Run the checks that need no image."""
    inside: Callable[[ReadyImage], Sequence[Checked]]
    """Run the checks in the image."""


def make_image(
    config: Config,
    env: Mapping[str, str],
    source: Source,
    keep: Keep,
    checks: Checks,
    *,
    console: Console,
    tools: Tools,
) -> BuiltImage:
    """Build the image and keep it. After a failure, no image remains, not even an older archive.

    Raises DockerError, RegistryError, CheckFailedError, and ProjectError for an image that Astro
    cannot run.
    """
    started = tools.now()
    keep.remove_older()
    labels = begin(lambda: fast_labels(config, env, source.checkout, inputs=source.inputs))
    made: list[Checked] = list(checks.before())
    overridden = refuse_failed_checks(made, forced=config.force)
    if source.uncommitted:
        log.warning(
            "the image will differ from its commit, so that its label names none: uncommitted %s",
            listed(source.uncommitted),
        )
    with Workshop() as workshop, looking_for_builder(env, config.builder) as builder:
        engine = find_engine(config, workshop, env, tools.connect_engine)
        keep.require_place(engine)
        wanted = describe_build(
            config,
            source.checkout,
            name="astro-ci/build",
            has_dags=source.has_dags,
            is_dirty=bool(source.uncommitted),
        )
        wanted = replace(wanted, labels={**wanted.labels, **_answered(labels)})
        image = build(wanted, env, engine, builder, console, workshop)
        check_image(image.facts, running="", supported=None)
        with console.phase(Phase.CHECKS):
            inside = checks.inside(image)
        made += inside
        overridden = (*overridden, *refuse_failed_checks(inside, forced=config.force))
        kept = keep.keep(image, source, console=console, sleep=tools.patience.sleep)
    return BuiltImage(
        name=kept.name,
        digest=kept.digest,
        archive=kept.archive,
        image_id=image.facts.id,
        commit=source.checkout.head.sha,
        uncommitted=source.uncommitted,
        runtime_version=image.facts.runtime_version or "",
        has_dags=source.has_dags,
        checks=tuple(made),
        overridden=_once(overridden),
        duration_seconds=round(tools.now() - started, 3),
        phases=dict(console.times),
    )


def _answered(labels: Future[dict[str, str]]) -> Mapping[str, str]:
    """Wait a moment for the base image's registry; without its answer, later deploys build."""
    wait([labels], _PATIENCE_SECONDS)
    if labels.done():
        return labels.result()
    log.info("the registry of the base image did not answer, so nothing is recorded for --fast")
    return {}


def _once(names: Sequence[CheckName]) -> tuple[CheckName, ...]:
    return tuple(dict.fromkeys(names))
