"""What a run is asked to do: one frozen value, validated once.

The `check_` and `parse_` functions raise ConfigurationError. Those for what a configuration file
may hold as well take the name that the user knows the value by.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from astro_ci.errors import ConfigurationError
from astro_ci.model import Request
from astro_ci.planning.running import description_room
from astro_ci.text import excerpt

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
BASE_WORDS = ("auto", "deployed", "event")

# What deploy-action calls things, beside our own words.
TYPE_WORDS = {
    "auto": Request.AUTO,
    "infer": Request.AUTO,
    "dags": Request.DAGS,
    "dags-only": Request.DAGS,
    "image-and-dags": Request.IMAGE_AND_DAGS,
    "image": Request.IMAGE,
    "image-only": Request.IMAGE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The options of `plan` and `deploy`. Raises ConfigurationError for what cannot be meant."""

    project: Path = Path()
    dags_path: str = "dags"
    """Relative to the project, or an absolute path."""
    deployment_id: str | None = None
    deployment_name: str | None = None
    workspace_id: str | None = None
    organization_id: str | None = None
    requested: Request = Request.AUTO
    base: str = "auto"
    """auto, deployed, event, or a commit or ref."""
    ignore: Sequence[str] = ()
    image_paths: Sequence[str] = ()
    build_args: Sequence[str] = ()
    """NAME=value, or NAME alone for the environment's value."""
    build_secrets: Sequence[str] = ()
    """As `docker build --secret` takes them."""
    description: str = ""
    force: bool = False
    skip_unchanged: bool = False
    allow_older: bool = False
    allow_shrink: bool = False
    dry_run: bool = False
    wait: bool = True
    wait_seconds: float = 600.0

    def __post_init__(self) -> None:
        """Refuse what no command could act on."""
        for option in ("deployment_id", "workspace_id", "organization_id"):
            value = getattr(self, option)
            if value is not None:
                check_id(f"--{option.replace('_', '-')}", value)
        if self.deployment_id and self.deployment_name:
            raise ConfigurationError(
                "--deployment-id and --deployment-name are both set",
                hint="Name the Deployment once; unset the other option and its variable.",
            )
        check_description("--description", self.description)
        check_base("--base", self.base)
        for argument in self.build_args:
            check_build_argument("--build-arg", argument)
        check_wait("--wait-time", self.wait_seconds)


def check_id(name: str, value: str) -> None:
    """Refuse what cannot be an id of Astro's: it becomes part of a URL."""
    if not _ID.fullmatch(value):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not an id",
            hint="Copy the id from the Deployment's page in Astro; a name goes into "
            "--deployment-name.",
        )


def check_description(name: str, value: str) -> None:
    """Refuse a description that would be cut."""
    if len(value) > description_room():
        raise ConfigurationError(
            f"{name} is {len(value)} characters long",
            hint=f"Shorten it to {description_room()}: Astro takes 500, and the end is used "
            "for the digests of what is deployed.",
        )


def check_base(name: str, value: str) -> None:
    """Refuse what git would take for an option."""
    if value.startswith("-"):
        raise ConfigurationError(
            f"{name} is '{excerpt(value)}', which is not a commit or ref",
            hint=f"Use {', '.join(BASE_WORDS)}, a commit, a branch or a tag.",
        )


def check_build_argument(name: str, value: str) -> None:
    """Refuse what has no name, without repeating it: it may be a secret."""
    if not re.match(r"[A-Za-z_][A-Za-z0-9_]*(=|$)", value):
        raise ConfigurationError(
            f"{name} is not NAME=value or NAME", hint="Write --build-arg NAME=value."
        )


def check_wait(name: str, seconds: float) -> None:
    """Refuse a wait that ends before it begins."""
    if seconds <= 0:
        raise ConfigurationError(
            f"{name} must be more than nothing", hint="Use --no-wait not to wait."
        )


def parse_type(name: str, text: str) -> Request:
    """Read a deploy type, in our words or in deploy-action's."""
    if text not in TYPE_WORDS:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is not a deploy type",
            hint=f"Use one of {', '.join(TYPE_WORDS)}.",
        )
    return TYPE_WORDS[text]


def parse_boolean(name: str, text: str) -> bool:
    """Read true or false, yes or no, 1 or 0, and nothing else."""
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise ConfigurationError(
            f"{name} is '{excerpt(text)}', which is neither true nor false",
            hint=f"Use one of {', '.join(_BOOLEANS)}.",
        )
    return value


def parse_duration(text: str) -> float:
    """Read `90`, `90s`, `10m`, `1h`, `1h30m` as seconds."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text.strip())
    if not text.strip() or found is None:
        raise ConfigurationError(
            f"'{excerpt(text)}' is not a duration", hint="Write it as 90s, 10m, 1h or 1h30m."
        )
    hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return float(hours * 3600 + minutes * 60 + seconds)
