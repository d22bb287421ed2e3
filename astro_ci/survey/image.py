"""The prebuilt image of a run: found, and the commit that it was built from."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from astro_ci.configuration.config import Config
from astro_ci.model import PrebuiltImage
from astro_ci.project.files import repository_root
from astro_ci.remote import repository_identity
from astro_ci.text import Regex, short

if TYPE_CHECKING:  # loaded when there is such an image
    from astro_ci.image.engine import Engine
    from astro_ci.image.source import ImageSource, ReadyImage
    from astro_ci.survey.checkout import Checkout

log = logging.getLogger(__name__)

ConnectEngine = Callable[[Mapping[str, str]], "Engine"]
_COMMIT = Regex(r"[0-9a-f]{7,64}", re.IGNORECASE)
_FULL = 40


class Origin(Struct, frozen=True, kw_only=True):
    """The commit that an image was built from."""

    commit: str
    url: str
    """The repository's; empty when it is that of the checkout."""


@contextmanager
def image_source(
    config: Config, env: Mapping[str, str], connect_engine: ConnectEngine | None = None
) -> Iterator[ImageSource | None]:
    """Have the source of the prebuilt image for a block; None where the image is built."""
    if not config.is_prebuilt:
        yield None
        return
    from astro_ci.image.engine import connect
    from astro_ci.image.prebuilt import choose_source

    source = choose_source(
        config.image_name,
        config.image_archive,
        env,
        connect_engine or connect,
        checkout=repository_root(config.project.absolute()),
    )
    try:
        yield source
    finally:
        if source:
            source.close()


class Prebuilt(Struct, frozen=True, kw_only=True):
    """The prebuilt image that is meant."""

    image: ReadyImage
    origin: Origin | None
    """None: it is not known."""

    @property
    def commit_here(self) -> str | None:
        """Its commit, when that is one of the checkout's repository."""
        return self.origin.commit if self.origin and not self.origin.url else None

    @property
    def in_plan(self) -> PrebuiltImage:
        """What the Plan says of it."""
        facts = self.image.facts
        commit = self.origin.commit if self.origin else ""
        return PrebuiltImage(reference=facts.reference, digest=facts.id, commit=commit)


def open_prebuilt(
    source: ImageSource | None, config: Config, checkout: Checkout
) -> Prebuilt | None:
    """Find the image, and read where it came from. Raises what the source raises."""
    if source is None:
        return None
    image = source.fetch()
    return Prebuilt(image=image, origin=_origin(image, config, checkout))


def _origin(image: ReadyImage, config: Config, checkout: Checkout) -> Origin | None:
    """Read the label; a base image may have left its own, so that it has to fit the repository.

    Without one that fits, `--image-is-checkout` counts.
    """
    said = Origin(commit=checkout.head.sha, url="") if config.image_is_checkout else None
    revision, url = image.facts.revision.strip(), image.facts.source_url.strip()
    if not _COMMIT.fullmatch(revision):
        return said
    if url and not _is_here(url, checkout):
        foreign = Origin(commit=revision.lower(), url=url) if len(revision) == _FULL else None
        return said or foreign
    known = checkout.repo.resolve(revision)
    if known is None and url and len(revision) == _FULL:
        known = revision.lower()
    if known is None:
        return said
    if said and known != said.commit:
        log.warning(
            "the image says that it was built from %s, and --image-is-checkout that it was built "
            "from %s: the image's own label counts",
            *(short(known), short(said.commit)),
        )
    return Origin(commit=known, url="")


def _is_here(url: str, checkout: Checkout) -> bool:
    here = checkout.remote_url
    return here is not None and repository_identity(url) == repository_identity(here)
