"""Refuse an image that Astro cannot run, as early as possible.

A prebuilt image can be checked completely. Before a build, only the base image in the Dockerfile is
known, so the built image is checked again before it is pushed.
"""

from __future__ import annotations

from collections.abc import Collection

from astro_ci.errors import ProjectError
from astro_ci.image.checks import (
    AMD64_HINT,
    PLATFORM,
    check_image,
    check_order,
    check_platform,
    check_supported,
)
from astro_ci.project.dockerfile import BaseImage, base_image
from astro_ci.project.find import dockerfile_text
from astro_ci.project.runtime import RuntimeVersion
from astro_ci.survey.asking import Connected
from astro_ci.survey.checkout import Checkout
from astro_ci.survey.image import Prebuilt
from astro_ci.survey.standing import Standing
from astro_ci.text import excerpt

_AMD64 = ("", "linux", "amd64", "x86_64", "linux/x86_64", "linux/x86-64", PLATFORM)


def refuse_unfit_image(checkout: Checkout, standing: Standing, prebuilt: Prebuilt | None) -> None:
    """Raise ProjectError for an image that the Deployment cannot run."""
    connected = standing.connected
    if prebuilt:
        facts = prebuilt.image.facts
        if connected is None:
            check_platform(facts)
            return
        running = connected.deployment.astro_runtime_version
        check_image(facts, running=running, supported=list_supported(connected))
        return
    content = checkout.project.read_dockerfile()
    if not content:
        return  # the build reports the error
    text = dockerfile_text(content)
    base = base_image(text, checkout.build_args, checkout.target)
    if base is None:
        _refuse_missing_stage(text, checkout)
        return
    refuse_other_platform(base)
    if connected and base.runtime_version:
        running = connected.deployment.astro_runtime_version
        refuse_runtime(base, running=running, supported=list_supported(connected))


def _refuse_missing_stage(text: str, checkout: Checkout) -> None:
    """Raise ProjectError when the Dockerfile has stages, but not the stage to build."""
    if checkout.target and base_image(text) is not None:
        name = checkout.project.dockerfile_name
        raise ProjectError(
            f"{excerpt(name)} has no stage {excerpt(checkout.target)}, which --target names",
            hint=f"Name a stage with `AS {excerpt(checkout.target)}` in a FROM line of "
            f"{excerpt(name)}, or correct --target.",
        )


def list_supported(connected: Connected) -> Collection[str]:
    """Ask Astro which Runtime versions the Deployment may run."""
    releases = connected.astro.client.list_runtimes(connected.deployment.id)
    return {release.version for release in releases}


def refuse_other_platform(base: BaseImage) -> None:
    """Raise ProjectError for a base image of another platform than Astro's."""
    platform = base.platform.lower()
    if platform not in _AMD64 and not platform.startswith(f"{PLATFORM}/"):
        raise ProjectError(
            f"the Dockerfile's last stage is FROM --platform={excerpt(base.platform)}, and Astro "
            f"runs {PLATFORM} only: the image would say {PLATFORM}, and its programs would not run",
            hint=AMD64_HINT,
        )


def refuse_runtime(base: BaseImage, *, running: str, supported: Collection[str]) -> None:
    """Raise ProjectError for a Runtime version to which the Deployment cannot change.

    Nothing is refused when the base image's name has no version.
    """
    built, runs = RuntimeVersion.parse(base.runtime_version), RuntimeVersion.parse(running)
    if built is None:
        return
    if runs is not None:
        check_order(built, runs)
    if supported:
        check_supported(str(built), supported)
