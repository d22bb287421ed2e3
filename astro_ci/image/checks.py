"""Refuse an image that Astro could not run, before anything is pushed."""

from __future__ import annotations

from collections.abc import Collection

from astro_ci.errors import ProjectError
from astro_ci.image.facts import ImageFacts
from astro_ci.project.runtime import AIRFLOW_3_NEEDS, LABEL, RuntimeVersion, newest_first

_SHOWN = 5
PLATFORM = "linux/amd64"
"""The platform on which Astro runs images."""


def check_image(facts: ImageFacts, *, running: str, supported: Collection[str] | None) -> None:
    """Raise ProjectError, with a hint, when Astro would refuse the image.

    `running` is the Deployment's Runtime version, empty when unknown. `supported` are the versions
    in the Deployment's options; None when they could not be read.
    """
    check_platform(facts)
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
    if supported:
        check_supported(facts.runtime_version, supported)


def check_platform(facts: ImageFacts) -> None:
    """Raise ProjectError for an image that Astro's machines cannot run."""
    platform = f"{facts.os or 'an unknown system'}/{facts.architecture or 'an unknown processor'}"
    if facts.os == "windows":
        raise ProjectError(
            f"the image {facts.reference} is for Windows ({platform}), and Astro runs "
            f"{PLATFORM} only",
            hint="Build the image from Astro Runtime, on an engine with Linux containers.",
        )
    if platform != PLATFORM:
        raise ProjectError(
            f"the image {facts.reference} is for {platform}, and Astro runs {PLATFORM} only",
            hint=AMD64_HINT,
        )
    if facts.machine not in ("", "amd64"):
        raise ProjectError(
            f"the image {facts.reference} says that it is for {PLATFORM}, and its programs are "
            f"for {facts.machine}: it was built on a base image for {facts.machine}",
            hint=AMD64_HINT,
        )


AMD64_HINT = (
    "Build the image with `docker build --platform=linux/amd64`, which is not the default on ARM64 "
    "computers (Apple silicon), and remove any other --platform from the FROM lines of the "
    "Dockerfile."
)


def check_order(built: RuntimeVersion, runs: RuntimeVersion) -> None:
    """Raise ProjectError when a Deployment cannot change from one Runtime version to the other."""
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
