"""Build secrets, written as for `docker build --secret`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from astro_ci.errors import ConfigurationError
from astro_ci.project.files import read_named_text
from astro_ci.text import excerpt

_HINT = "Write it as for `docker build --secret`: id=NAME,env=VARIABLE or id=NAME,src=FILE."
_MOST_BYTES = 500_000  # BuildKit's limit
_KEYS = {"id", "env", "src", "source", "type"}


def check_secrets(secrets: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a malformed secret, or for a source that does not exist.

    The engine would use an empty secret instead.
    """
    for name, path, variable in map(_source, secrets):
        if path and not Path(path).is_file():
            raise ConfigurationError(
                f"the build secret {excerpt(name)} names the file {excerpt(path)}, "
                "which does not exist",
                hint="Create the file before the build; its path is relative to the working "
                "directory of this command.",
            )
        if variable is not None and variable not in env:
            raise ConfigurationError(
                f"the build secret {excerpt(name)} names the environment variable "
                f"{excerpt(variable)}, which is not set",
                hint=f"Set {excerpt(variable)} for this job, from your CI system's secrets.",
            )


def secret_texts(secrets: Sequence[str], env: Mapping[str, str]) -> Iterator[str]:
    """Return the texts of the secrets that exist."""
    for secret in secrets:
        with suppress(ConfigurationError, OSError):
            _, path, variable = _source(secret)
            if variable:
                yield env.get(variable, "")
            if path:
                # All links are followed, as the build follows them.
                source = Path(os.path.realpath(path))
                yield read_named_text(source, most_bytes=_MOST_BYTES, errors="replace")


def _source(secret: str) -> tuple[str, str | None, str | None]:
    """Return the id, the file and the environment variable of a secret."""
    fields = _fields(secret)
    path = fields.get("src") or fields.get("source")
    return fields["id"], path, fields.get("env") or (None if path else fields["id"])


def _fields(secret: str) -> dict[str, str]:
    # A value may contain `=`, so the key ends at the first `=`. The message does not repeat the
    # text, because it may be the value of a secret, put here by mistake.
    fields = {}
    for part in secret.split(","):
        key, _, value = part.partition("=")
        if key.strip().lower() not in _KEYS or not value:
            raise ConfigurationError("a build secret is not a list of key=value", hint=_HINT)
        fields[key.strip().lower()] = value
    if "id" not in fields:
        raise ConfigurationError("a build secret has no id", hint=_HINT)
    return fields
