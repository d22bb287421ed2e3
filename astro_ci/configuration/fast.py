"""The values of --fast and --fast-max-age.

The functions raise ConfigurationError. They take the value's name for the message.
"""

from __future__ import annotations

import re

from astro_ci.configuration.values import written_duration
from astro_ci.errors import ConfigurationError
from astro_ci.text import excerpt

FAST_WORDS = ("auto", "require", "off", "verify")
"""Whether an image may be made without a build."""
_NO = ("false", "no", "0")


def parse_age(name: str, text: str) -> float:
    """Read `7d`, `12h`, `1d12h` as seconds."""
    found = re.fullmatch(r"(?:(\d{1,5})d)?(?:(\d{1,6})h)?(?:(\d{1,8})m)?", text.strip())
    if not text.strip() or found is None:
        raise ConfigurationError(
            f"{name}: '{excerpt(text)}' is not an age", hint="Write it as 12h, 7d or 1d12h."
        )
    days, hours, minutes = (int(group or 0) for group in found.groups())
    return float(days * 86_400 + hours * 3600 + minutes * 60)


def parse_fast(name: str, text: str) -> str:
    """Read the mode of --fast; YAML has two spellings of off."""
    word = "off" if text.strip().lower() in _NO else text.strip()
    check_fast(name, word)
    return word


def check_fast(name: str, value: str) -> None:
    """Refuse a word that is not one of the four modes."""
    if value not in FAST_WORDS:
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is none of {', '.join(FAST_WORDS)}",
            hint="Use auto to replace the code layer if the result is exact, require to fail "
            "otherwise, verify to also build and compare, or off.",
        )


def written_age(seconds: float) -> str:
    """Write an age as a user would: `7d`, `1d12h`, `30m`."""
    days, rest = divmod(round(seconds), 86_400)
    return f"{days}d{written_duration(rest) if rest else ''}" if days else written_duration(rest)
