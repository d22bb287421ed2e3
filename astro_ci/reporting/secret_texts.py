"""Find the secret texts of a job's environment. Pure."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

SHORTEST = 8
"""Shorter secrets are not looked for: they would be found in the middle of ordinary words."""

_CREDENTIALS = (
    *("ASTRO_API_TOKEN", "ASTRONOMER_KEY_SECRET", "ASTRO_CI_FORGE_TOKEN"),
    *("GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN"),
)
# What says how to act on the job or on Astro, whatever it is called.
_OF_THE_JOB = ("ASTRO_", "ASTRONOMER_", "GITHUB_", "ACTIONS_", "BUILDKITE_", "CI_JOB_")
_FOR_AIRFLOW = "AIRFLOW_"
_LONG_USER = 20
"""From here on, a URL's user without a password is a token."""


def credentials(env: Mapping[str, str]) -> Iterator[str]:
    """Return the certain secrets: the credentials of astro-ci, and the logins in URLs."""
    for name in _CREDENTIALS:
        value = env.get(name, "").strip()
        yield value
        if value[:7].lower() == "bearer ":
            yield value[7:].strip()
    for name, value in env.items():
        if "@" in value:
            yield from _logins(name, value)


def named_secrets(env: Mapping[str, str]) -> Iterator[str]:
    """Return the values of variables with names that suggest a secret."""
    for name, value in env.items():
        if is_secret_name(name) and not (value[:1] == "/" and _is_place(name)):
            yield from pieces(value)


def is_secret_name(name: str) -> bool:
    """Whether a variable, a build argument or a JSON key of this name usually holds a secret."""
    return bool(_secret_name().search(name))


def pieces(text: str) -> Iterator[str]:
    """Return the parts of a secret to look for: a tool may show a single line or word of it.

    Of several words, those with letters only are too ordinary to cross out everywhere.
    """
    for line in map(str.strip, text.splitlines()):
        yield line
        words = line.split()
        if len(words) > 1:
            yield from (word for word in words if not word.isalpha())
    if text.lstrip()[:1] in ("{", "["):
        yield from _leaves(text)


@functools.cache
def _secret_name() -> re.Pattern[str]:
    return re.compile(
        r"TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|KEYS?(?=_|\d|$)"
        r"|(?:^|_)(?:PASS|PAT|AUTH)(?=_|\d|$)|_(?:PWD|PW)(?=_|\d|$)",
        re.IGNORECASE,
    )


def _is_place(name: str) -> bool:
    return name.upper().endswith(("_FILE", "_PATH", "_DIR", "_SOCK"))


def _logins(name: str, value: str) -> Iterator[str]:
    """Return the passwords of the URLs in a variable; a proxy's URL may lack the scheme."""
    start = r"(?:://|^)" if re.search("PROXY|URL|HOST|INDEX", name, re.IGNORECASE) else "://"
    for found in re.finditer(start + r"([^\s/@:]*)(?::([^\s/@]*))?@", value):
        user, password = found[1], found[2]
        login = password or (user if len(user) >= _LONG_USER else "")
        yield login
        yield unquote(login)


def _leaves(text: str) -> Iterator[str]:
    """Return the secrets of a JSON document, such as a service account or Docker's `auths`."""
    import json

    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    waiting = [document]
    while waiting:
        node = waiting.pop()
        children = node.items() if isinstance(node, dict) else enumerate(node)
        for key, child in children:
            if isinstance(child, dict | list):
                waiting.append(child)
            elif isinstance(child, str) and is_secret_name(str(key)):
                yield from child.splitlines()
                yield from basic_login(child)


def basic_login(encoded: str) -> Iterator[str]:
    """Return the password of a login in the form of HTTP's basic authentication."""
    import base64
    import binascii

    try:
        login = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    if ":" in login:
        yield login.partition(":")[2]


def without_secrets(env: Mapping[str, str]) -> dict[str, str]:
    """Leave out the variables that the code of the checkout must not see.

    These are the variables of astro-ci and of the CI system, and all with names that suggest a
    secret. Airflow's configuration, Variables and Connections stay, because they are for that code.
    """
    return {
        name: value
        for name, value in env.items()
        if name.startswith(_FOR_AIRFLOW)
        or not (name.startswith(_OF_THE_JOB) or is_secret_name(name))
    }
