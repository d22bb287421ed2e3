"""Find the prebuilt image of a run, and the commit from which it was built."""

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

if TYPE_CHECKING:  # imported only for a prebuilt image
    from astro_ci.image.engine import Engine
    from astro_ci.image.source import ImageSource, ReadyImage
    from astro_ci.survey.checkout import Checkout

log = logging.getLogger(__name__)

ConnectEngine = Callable[[Mapping[str, str]], "Engine"]
_COMMIT = Regex(r"[0-9a-f]{7,64}", re.IGNORECASE)
_FULL = 40


class Origin(Struct, frozen=True, kw_only=True):
    """The commit from which an image was built."""

    commit: str
    url: str
    """The URL of the commit's repository; empty for the repository of the checkout."""


@contextmanager
def image_source(
    config: Config, env: Mapping[str, str], connect: ConnectEngine | None = None
) -> Iterator[ImageSource | None]:
    """Open the prebuilt image's source for the block; give None when the image is to be built."""
    if not config.is_prebuilt:
        yield None
        return
    from astro_ci.image.prebuilt import choose_source
    from astro_ci.survey.engine import connect_engine

    source = choose_source(
        config.image_name,
        config.image_archive,
        env,
        connect or connect_engine,
        checkout=repository_root(config.project.absolute()),
    )
    try:
        yield source
    finally:
        if source:
            source.close()


class Prebuilt(Struct, frozen=True, kw_only=True):
    """The prebuilt image of the run."""

    image: ReadyImage
    origin: Origin | None
    """The commit of the image; None when unknown."""

    @property
    def commit_here(self) -> str | None:
        """The image's commit, if the commit belongs to the checkout's repository; else None."""
        return self.origin.commit if self.origin and not self.origin.url else None

    @property
    def in_plan(self) -> PrebuiltImage:
        """The image as shown in the Plan."""
        facts = self.image.facts
        commit = self.origin.commit if self.origin else ""
        return PrebuiltImage(reference=facts.reference, digest=facts.id, commit=commit)


def open_prebuilt(
    source: ImageSource | None, config: Config, checkout: Checkout
) -> Prebuilt | None:
    """Find the image, and read its commit; None without a source. Raises the source's errors."""
    if source is None:
        return None
    image = source.fetch()
    return Prebuilt(image=image, origin=_origin(image, config, checkout))


def _origin(image: ReadyImage, config: Config, checkout: Checkout) -> Origin | None:
    """Read the image's commit from its labels; None when unknown.

    Labels that name another repository may come from the base image, so `--image-is-checkout` has
    precedence over them. `--image-is-checkout` also decides when no label names a commit.
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
