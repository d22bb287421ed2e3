"""The shapes of what Astro makes up: identifiers, timestamps, names."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ADJECTIVES = ("amber", "brisk", "calm", "lunar", "meteoric", "quantum", "radiant", "stellar")
_NOUNS = ("antenna", "aperture", "comet", "eclipse", "horizon", "meridian", "orbit", "zenith")


def new_id() -> str:
    """Make an identifier of the platform's shape: 25 characters, `cl` first."""
    return "cl" + "".join(secrets.choice(_ALPHABET) for _ in range(23))


def new_namespace() -> str:
    """Name a Kubernetes namespace as the platform does, such as `lunar-orbit-4821`."""
    number = 1000 + secrets.randbelow(9000)
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{number}"


def new_image_tag(now: float) -> str:
    """Name the tag that a deploy pushes: its moment and six random characters."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    return f"deploy-{moment}-{secrets.token_hex(3)}"


def timestamp(now: float) -> str:
    """Format a moment as the API document says: `YYYY-MM-DDTHH:MM:SSZ`."""
    # Not strftime: it writes years below 1000 without their leading zeros.
    moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}Z"
