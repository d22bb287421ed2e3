"""Check the prebuilt image of a deploy."""

from __future__ import annotations

from collections.abc import Mapping

from astro_ci.configuration.config import Config
from astro_ci.doctor.check import Steps, ok
from astro_ci.image.facts import ImageFacts
from astro_ci.survey.image import image_source
from astro_ci.text import printable, shortened_digest


def prebuilt(config: Config, env: Mapping[str, str]) -> Steps[ImageFacts | None]:
    """Find the image as a deploy would; None where the deploy builds one."""
    with image_source(config, env) as source:
        if source is None:
            return None
        facts = source.fetch().facts
    runtime = f", Astro Runtime {facts.runtime_version}" if facts.runtime_version else ""
    yield ok("image", f"{printable(facts.reference)} is {shortened_digest(facts.id)}{runtime}")
    return facts
