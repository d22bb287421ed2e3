"""The labels of a build, by which later deploys decide whether a new build is needed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from astro_ci.errors import AstroCIError
from astro_ci.image.fast.running import (
    BASE_LABEL,
    BUILT_LABEL,
    INPUTS_LABEL,
    SECRETS_LABEL,
    TRIGGERS_LABEL,
)
from astro_ci.image.fast.triggers import USUAL, other_triggers
from astro_ci.image.registry.client import open_repository
from astro_ci.image.registry.credentials import login_for
from astro_ci.image.registry.reference import parse_reference
from astro_ci.web.session import Patience

log = logging.getLogger(__name__)

_DIGITS = 16
_PATIENCE = Patience(attempts=2, timeout_seconds=(5.0, 10.0))


class Base(Struct, frozen=True, kw_only=True):
    """What the registry tells of a base image; empty texts when it does not tell."""

    digest: str = ""
    triggers: str = ""
    """`usual`, or the first trigger that replacing the code layer would not run."""


def find_base(reference: str, env: Mapping[str, str], *, checkout: Path) -> Base:
    """Ask the registry for the current base image, for the labels of a build."""
    if not reference:
        return Base()
    try:
        place = parse_reference(reference)
        login = login_for(place.host, env, checkout=checkout)
        repository = open_repository(place.host, place.name, login, _PATIENCE)
        try:
            is_pinned = "@" in reference
            digest = place.reference if is_pinned else repository.digest(place.reference)
            found = json.loads(repository.config(repository.image(digest)))
        finally:
            repository.close()
    except (AstroCIError, ValueError, RecursionError) as error:
        log.info("the base image %s could not be read: %s", reference, error)
        return Base()
    return Base(digest=digest, triggers=_triggers(found))


def _triggers(config: Any) -> str:
    """Return `usual` or the first unusual trigger; empty when the triggers cannot be read."""
    inner = config.get("config") if isinstance(config, dict) else None
    found = (inner or {}).get("OnBuild") if isinstance(inner, dict | None) else 0
    if not isinstance(found, list | None):
        return ""
    return next(other_triggers([str(one) for one in found or ()]), USUAL)


def find_base_digest(reference: str, env: Mapping[str, str], *, checkout: Path) -> str:
    """Ask the registry for the digest of the base image's tag; empty when it gives none.

    An image that is named by its digest needs no question.
    """
    if not reference:
        return ""
    try:
        place = parse_reference(reference)
        if "@" in reference:
            return place.reference
        login = login_for(place.host, env, checkout=checkout)
        repository = open_repository(place.host, place.name, login, _PATIENCE)
        try:
            return repository.digest(place.reference)
        finally:
            repository.close()
    except AstroCIError as error:
        log.info("the digest of the base image %s could not be read: %s", reference, error)
        return ""


def secrets_digest(secrets: Sequence[str]) -> str:
    """Digest the names of a build's secrets, never their values; empty without secrets."""
    text = "\0".join(sorted(secrets))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS] if secrets else ""


def build_labels(base: Base, secrets: Sequence[str], *, inputs: str = "") -> dict[str, str]:
    """Return the labels for a build; `inputs` is the digest of its files and arguments.

    An image inherits the labels of its base image, which astro-ci may have built, too. Therefore a
    label without a value is set as well.
    """
    return {
        BASE_LABEL: base.digest,
        INPUTS_LABEL: inputs,
        TRIGGERS_LABEL: base.triggers,
        SECRETS_LABEL: secrets_digest(secrets),
        BUILT_LABEL: "",
    }
