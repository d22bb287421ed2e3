"""Refuse an image that Astro could not run, before anything is pushed."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from astro_ci.errors import DockerError, ProjectError
from astro_ci.image.engine import Engine
from astro_ci.project.runtime import AIRFLOW_3_NEEDS, LABEL, RuntimeVersion, newest_first

_SHOWN = 5


class ImageFacts(Struct, frozen=True, kw_only=True):
    """The relevant facts of an image. Empty strings and None stand for missing facts."""

    reference: str
    id: str
    os: str
    architecture: str
    runtime_version: str | None


def inspect_image(engine: Engine, reference: str) -> ImageFacts:
    """Read an image that the engine has; DockerError when it has none of that name."""
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    try:
        found = engine.client.images.get(reference).attrs
    except ImageNotFound as error:
        raise DockerError(
            f"the Docker Engine at {engine.host} has no image {reference}",
            hint="Build or pull the image in this job, on this engine, before the deploy.",
        ) from error
    except (DockerException, RequestException) as error:
        raise DockerError(f"the image {reference} could not be inspected: {error}") from error
    labels = (found.get("Config") or {}).get("Labels") or {}
    return ImageFacts(
        reference=reference,
        id=found["Id"],
        os=found.get("Os", ""),
        architecture=found.get("Architecture", ""),
        runtime_version=labels.get(LABEL) or None,
    )


def check_image(facts: ImageFacts, *, running: str, supported: Collection[str] | None) -> None:
    """Raise a ProjectError, with its remedy, for each reason why Astro would refuse the image.

    `running` is the Deployment's Runtime version, empty when unknown. `supported` are the
    versions that its options list; None when they could not be read.
    """
    _check_platform(facts)
    if facts.runtime_version is None:
        raise ProjectError(
            f"the image {facts.reference} has no label {LABEL}, so it is not built from "
            "Astro Runtime",
            hint="Name an Astro Runtime image in the last FROM of the Dockerfile, such as "
            "astrocrpublic.azurecr.io/runtime:VERSION, and keep its labels.",
        )
    built, runs = RuntimeVersion.parse(facts.runtime_version), RuntimeVersion.parse(running)
    if built is not None and runs is not None:
        check_order(built, runs)
    if supported is not None:
        check_supported(facts.runtime_version, supported)


def _check_platform(facts: ImageFacts) -> None:
    platform = f"{facts.os}/{facts.architecture}"
    if platform != "linux/amd64":
        raise ProjectError(
            f"the image {facts.reference} is for {platform}, and Astro runs linux/amd64 only",
            hint="Build the image with --platform=linux/amd64, and remove any other --platform "
            "from "
            "the Dockerfile's FROM lines.",
        )


def check_order(built: RuntimeVersion, runs: RuntimeVersion) -> None:
    """Raise ProjectError when a Deployment cannot go from one Runtime version to the other."""
    if built < runs:
        raise ProjectError(
            f"the image has Astro Runtime {built} and the Deployment runs {runs}: Astro does not "
            "downgrade",
            hint=f"Use Runtime {runs} or later in the Dockerfile's FROM; to go back to an earlier "
            "version, roll back to an earlier deploy.",
        )
    if built.airflow > runs.airflow == 2 and runs < AIRFLOW_3_NEEDS:
        raise ProjectError(
            f"the image has Airflow {built.airflow} (Astro Runtime {built}) and the Deployment "
            f"runs Astro Runtime {runs}: the move from Airflow 2 starts at Runtime "
            f"{AIRFLOW_3_NEEDS}",
            hint=f"First deploy an image with Runtime {AIRFLOW_3_NEEDS} or a later one with "
            "Airflow 2, then this image.",
        )


def check_supported(version: str, supported: Collection[str]) -> None:
    """Raise ProjectError for a Runtime version that the Deployment's options do not list."""
    if version in supported:
        return
    newest = newest_first(supported)
    shown = ", ".join(newest[:_SHOWN]) or "none"
    more = f" and {len(newest) - _SHOWN} older ones" if len(newest) > _SHOWN else ""
    raise ProjectError(
        f"the image has Astro Runtime {version}, which this Deployment does not support",
        hint=f"Use a supported version in the Dockerfile's FROM: {shown}{more}.",
    )
