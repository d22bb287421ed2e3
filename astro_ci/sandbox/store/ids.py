"""Make identifiers, timestamps and names in Astro's formats."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ADJECTIVES = ("amber", "brisk", "calm", "lunar", "meteoric", "quantum", "radiant", "stellar")
_NOUNS = ("antenna", "aperture", "comet", "eclipse", "horizon", "meridian", "orbit", "zenith")


def new_id() -> str:
    """Make an identifier in Astro's format: 25 characters that start with `cl`."""
    return "cl" + "".join(secrets.choice(_ALPHABET) for _ in range(23))


def new_namespace() -> str:
    """Make a Kubernetes namespace in Astro's format, such as `lunar-orbit-4821`."""
    number = 1000 + secrets.randbelow(9000)
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{number}"


def new_image_tag(now: float) -> str:
    """Make the image tag of a deploy: its time and six random characters."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%S")
    return f"deploy-{moment}-{secrets.token_hex(3)}"


def timestamp(now: float) -> str:
    """Format a moment as in the API document: `YYYY-MM-DDTHH:MM:SSZ`."""
    # Not strftime: it writes years below 1000 without their leading zeros.
    moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='seconds')}Z"
