"""Build secrets: checked before the build, because the engine gives an unset one as empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from astro_ci.errors import ConfigurationError

_HINT = "write it as `docker build --secret` takes it: id=NAME,env=VARIABLE or id=NAME,src=FILE"
_KEYS = {"id", "env", "src", "source", "type"}


def check_secrets(secrets: Sequence[str], env: Mapping[str, str]) -> None:
    """Raise ConfigurationError for a secret that is malformed, or whose source is not there."""
    for secret in secrets:
        fields = _fields(secret)
        name = fields["id"]
        path = fields.get("src") or fields.get("source")
        if path and not Path(path).is_file():
            raise ConfigurationError(
                f"the build secret {name} is to come from the file {path}, which is not there",
                hint="create the file before the build; the path is relative to the directory "
                "that this command is run in",
            )
        variable = fields.get("env") or (None if path else name)
        if variable is not None and variable not in env:
            raise ConfigurationError(
                f"the build secret {name} is to come from the environment variable {variable}, "
                "which is not set",
                hint=f"set {variable} for this job, from your CI system's secrets",
            )


def _fields(secret: str) -> dict[str, str]:
    # A value may hold `=`: only what stands before the first one is a key. The secret itself is
    # not repeated in the message, as it may be a value that was put here by mistake.
    fields = {}
    for part in secret.split(","):
        key, _, value = part.partition("=")
        if key.strip().lower() not in _KEYS or not value:
            raise ConfigurationError("a build secret is not a list of key=value", hint=_HINT)
        fields[key.strip().lower()] = value
    if "id" not in fields:
        raise ConfigurationError("a build secret has no id", hint=_HINT)
    return fields
