"""Read the challenges of a 401, which tell how a client has to log in.

Source: RFC 9110, section 11.6.1; the token specification of Docker's registry.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from astro_ci.text import Regex

_PART = Regex(
    r"""[\s,]*(?:
        (?P<name>[!\#$%&'*+.^_`|~\w-]+)\s*=\s*
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s,"]+))
        |(?P<scheme>[!\#$%&'*+.^_`|~\w-]+)
    )""",
    re.VERBOSE,
)


class Challenge(Struct, frozen=True):
    """A way to log in: a scheme in lower case, and its parameters by name."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def read_challenges(header: str) -> list[Challenge]:
    """Read the value of WWW-Authenticate, which may have several challenges.

    Reading ends at the first invalid text; the challenges before it are returned.
    """
    found: list[Challenge] = []
    position = 0
    while part := _PART.match(header, position):
        position = part.end()
        if part["scheme"]:
            found.append(Challenge(part["scheme"].lower()))
        elif found:
            value = part["token"] or _unquoted(part["quoted"] or "")
            found[-1].parameters[part["name"].lower()] = value
        else:
            break
    return found


def _unquoted(text: str) -> str:
    return Regex(r"\\(.)").sub(lambda match: match[1], text)
