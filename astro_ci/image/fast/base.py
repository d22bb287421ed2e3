"""What a build leaves in its image, so that later deploys know whether another build is due."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from astro_ci.errors import AstroCIError
from astro_ci.image.fast.running import BASE_LABEL, SECRETS_LABEL
from astro_ci.image.registry.client import open_repository
from astro_ci.image.registry.credentials import login_for
from astro_ci.image.registry.reference import parse_reference
from astro_ci.web.session import Patience

log = logging.getLogger(__name__)

_DIGITS = 16
_PATIENCE = Patience(attempts=2, timeout_seconds=(5.0, 10.0))


def find_base_digest(reference: str, env: Mapping[str, str], *, checkout: Path) -> str:
    """Ask the registry what the tag of the base image is now; empty where it does not say.

    Nothing is asked about an image that is named by its digest.
    """
    if not reference or "@" in reference:
        return ""
    try:
        place = parse_reference(reference)
        login = login_for(place.host, env, checkout=checkout)
        repository = open_repository(place.host, place.name, login, _PATIENCE)
        try:
            return repository.digest(place.reference)
        finally:
            repository.close()
    except AstroCIError as error:
        log.info("the digest of the base image %s could not be asked for: %s", reference, error)
        return ""


def secrets_digest(secrets: Sequence[str]) -> str:
    """Digest how the secrets of a build are named, never what they are; empty without any."""
    text = "\0".join(sorted(secrets))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS] if secrets else ""


def build_labels(base_digest: str, secrets: Sequence[str]) -> dict[str, str]:
    """The labels of a build."""
    known = {BASE_LABEL: base_digest, SECRETS_LABEL: secrets_digest(secrets)}
    return {name: value for name, value in known.items() if value}
